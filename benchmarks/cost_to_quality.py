"""Forecast quality over training cost: layercast and three predictors trained end to end, on the same clips.

    python -m benchmarks.cost_to_quality
    python -m benchmarks.cost_to_quality --real FOLDER --only traffic --only table3d

The first needs data/frames.zarr and data/test_frames.zarr (`dvc repro preprocess`). layercast is trained by its own
stages, with params.yaml but for the number of steps, several times, each time longer. The others then train for as
long as its longest training took, and are judged on the way.

The second takes real videos, FOLDER as benchmarks.real_video has it. The others train once and are judged when so many
--minutes are spent; layercast trains with what it suggests, then afresh with its steps times what each further budget
is to the first: its points lie where its cost is. A file NAME.json per set has every point as soon as it is there:
what it holds is not trained again, and training goes on from there.

Time is what the processor spent on training (with a GPU: what the clock says), so that other work on the machine
changes nothing; judging does not count. Cost is time x peak memory. Lines: forecasts that need no training.
"""

import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.peers import (
    CONTEXT_FRAMES,
    HORIZON,
    METHODS,
    Point,
    judge,
    read_test_clips,
    seconds,
    train_apart,
)
from benchmarks.real_video import read_sets, reading_of, run_set, training_windows
from benchmarks.stack import fit_stack
from benchmarks.stage_runs import INPUTS, OUTPUTS, ROOT, file_name, run_stage, write_params
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.optical_flow import flow_forecast
from pipeline.params import read_section
from pipeline.predictor.train_predictor_params import TrainPredictorParams
from pipeline.write_file import write_file

SHARES = (0.25, 1.0)
"""Of the steps, and of the time: where each method is judged on the default data."""
MINUTES = [10.0, 30.0, 60.0]
Quality = dict[str, float]
"""psnr, dB, and ssim."""


def subset(store: FrameStore, path: Path, wanted: dict[str, int]) -> FrameStore:
    """The first rows of each split, without the ground truth, in a store of their own."""
    rows = np.concatenate([store.rows(split)[:count] for split, count in wanted.items()])
    shape = (store.num_frames, store.height, store.width, store.num_channels)
    writer = FrameStoreWriter(
        path, len(rows), shape, fps=store.fps, crop=store.crop, source=store.made_from["source"], num_objects=None,
        fps_is_assumed=store.fps_is_assumed,
    )
    for row in rows:
        writer.append(store.read(np.array([row]))[0], {}, video_id=str(store.video_id[row]),
                      first_frame=int(store.first_frame[row]), split=str(store.split[row]))
    writer.finish()
    return open_frames(path)


def layercast(
    folder: Path, frames: Path, shipped: Path, share: float, seed: int, target: np.ndarray,
    steps: tuple[int, int] | None = None,
) -> tuple[Point, float]:
    """Trains by the stages in `folder`, on the frames in `frames`, with the parameters `shipped` but for `share` of
    their steps, or of `steps` (stage 1, stage 2). Returns the point and the seconds that training took."""
    trainings = {
        "train_autoencoder": read_section(shipped, "train_autoencoder", TrainAutoencoderParams).training,
        "train_predictor": read_section(shipped, "train_predictor", TrainPredictorParams).training,
    }
    changes: dict[str, dict] = {
        "train_predictor": {"context_frames": CONTEXT_FRAMES, "horizon": HORIZON}, "generate": {"num_pictures": 0},
    }
    wanted = steps or [training.num_steps for training in trainings.values()]
    taken = [max(1, round(share * number)) for number in wanted]
    for (name, training), num_steps in zip(trainings.items(), taken, strict=True):
        validate_every = min(training.validate_every, num_steps)
        own = {"training": {"num_steps": num_steps, "validate_every": validate_every, "seed": seed}}
        changes[name] = changes.get(name, {}) | own
    params = folder / "params.yaml"
    write_params(params, changes, shipped)
    os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")

    def run(stage: str) -> dict:
        stores = {name: frames / file_name(name) for name in OUTPUTS["preprocess"] if name in INPUTS[stage]}
        return run_stage(stage, params, folder, **stores)

    begin = seconds()
    costs = [run(stage) for stage in ("train_autoencoder", "encode", "train_predictor")]
    spent = seconds() - begin
    run("generate")
    prediction = open_predicted_frames(folder / file_name("predicted_frames"))
    quality = judge(prediction.read(0, prediction.num_clips), target)
    memory = max(cost["peak_cuda_reserved_gib"] or cost["peak_resident_gib"] for cost in costs)
    return Point("layercast", seed, " + ".join(map(str, taken)), spent / 3600, memory, **quality), spent


def untrained(context: np.ndarray, target: np.ndarray, windows: np.ndarray) -> dict[str, Quality]:
    """What forecasts reach that train nothing; the stack is fitted on windows [N, T + H, height, width, C]."""
    stack = fit_stack(windows, CONTEXT_FRAMES)
    forecasts: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "copy last": lambda clip: clip[-1:].repeat(HORIZON, 0), "flow": lambda clip: flow_forecast(clip, HORIZON),
        "stack": stack.forecast,
    }
    return {name: judge(np.stack([forecast(clip) for clip in context])[:, None], target)
            for name, forecast in forecasts.items()}


def on_default_data(
    clips: int, test_clips: int, steps: tuple[int, int], seeds: int, output: Path,
) -> tuple[list[Point], dict[str, Quality]]:
    """Points and lines of the default data."""
    points: list[Point] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = subset(open_frames(Path("data/frames.zarr")), folder / "frames.zarr",
                       {"train": clips, "val": max(2, clips // 8)})
        test = subset(open_frames(Path("data/test_frames.zarr")), folder / "test_frames.zarr", {"test": test_clips})
        context, target = read_test_clips(test)
        lines = untrained(context, target, training_windows(store, CONTEXT_FRAMES + HORIZON))
        for seed in range(seeds):
            budget = 0.0
            for share in SHARES:
                point, budget = layercast(folder, folder, ROOT / "params.yaml", share, seed, target, steps)
                print(point, file=sys.stderr, flush=True)
                points.append(point)
            for method in METHODS:
                for point in train_apart(method, [share * budget for share in SHARES], seed, folder):
                    print(point, file=sys.stderr, flush=True)
                    points.append(point)
            write(points, lines, output)
    return points, lines


def on_real_set(
    source: Path, reading: dict, folder: Path, minutes: list[float], methods: list[str],
) -> tuple[list[Point], dict[str, Quality]]:
    """Points and lines of one set, whose stores and suggested parameters lie in `folder` or are made there. The points
    of `folder`.json are kept."""
    run_set(source, reading, folder, ["preprocess"])
    context, target = read_test_clips(open_frames(folder / file_name("test_frames")))
    path = folder.with_name(folder.name + ".json")
    if path.exists():
        document = json.loads(path.read_text(encoding="utf-8"))
        points, lines = [Point(**point) for point in document["points"]], document["lines"]
    else:
        windows = training_windows(open_frames(folder / file_name("frames")), CONTEXT_FRAMES + HORIZON)
        points, lines = [], untrained(context, target, windows)
        write(points, lines, folder)
    for method in methods:
        left = minutes[sum(point.method == method for point in points):]
        if not left:
            continue
        new: Iterator[Point]
        if method == "layercast":
            new = (layercast(folder / f"layercast_{budget:g}", folder, folder / "params.yaml", budget / minutes[0], 0,
                             target)[0] for budget in left)
        else:
            new = train_apart(method, [60 * budget for budget in left], 0, folder)
        for point in new:
            print(point, file=sys.stderr, flush=True)
            points.append(point)
            write(points, lines, folder)
    return points, lines


def _draw(points: list[Point], lines: dict[str, Quality], path: Path) -> None:
    import matplotlib
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator, NullFormatter

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for axis, name in zip(axes, ("psnr", "ssim"), strict=True):
        for number, method in enumerate(dict.fromkeys(point.method for point in points)):
            for seed in sorted({point.seed for point in points}):
                own = [point for point in points if (point.method, point.seed) == (method, seed)]
                own.sort(key=lambda point: point.hours)
                axis.plot([point.gib * point.hours for point in own], [getattr(point, name) for point in own], "o-",
                          color=f"C{number}", label=method if seed == points[0].seed else None)
        for (line, quality), style in zip(lines.items(), (":", "-.", "--"), strict=True):
            axis.axhline(quality[name], color="grey", linestyle=style, label=line)
        axis.set(xscale="log", xlabel="GiB x hours of training", ylabel={"psnr": "psnr, dB"}.get(name, name))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def write(points: list[Point], lines: dict[str, Quality], output: Path) -> None:
    """OUTPUT.json and OUTPUT.png."""
    document = {"lines": lines, "points": [vars(point) for point in points]}
    output.parent.mkdir(parents=True, exist_ok=True)
    write_file(output.with_name(output.name + ".json"), (json.dumps(document, indent=2) + "\n").encode())
    _draw(points, lines, output.with_name(output.name + ".png"))


def print_table(name: str, points: list[Point], lines: dict[str, Quality], console: Console) -> None:
    still = "; ".join(f"{line}: {quality['psnr']:.2f} dB, {quality['ssim']:.3f}" for line, quality in lines.items())
    table = Table(title=f"{name}; {still}; minutes of the processor", title_justify="left")
    for column in ("method", "seed", "steps", "minutes", "peak GiB", "GiB x hours", "psnr", "ssim"):
        table.add_column(column, justify="right")
    for point in points:
        table.add_row(point.method, str(point.seed), point.steps, f"{60 * point.hours:.2f}", f"{point.gib:.2f}",
                      f"{point.gib * point.hours:.4f}", f"{point.psnr:.2f}", f"{point.ssim:.3f}")
    console.print(table)


def main(
    clips: Annotated[int, typer.Option(help="Training clips, the first ones of data/frames.zarr.")] = 10**6,
    test_clips: Annotated[int, typer.Option(help="Held-out clips, the first ones of data/test_frames.zarr.")] = 10**6,
    autoencoder_steps: Annotated[int, typer.Option(help="Of layercast's longest training.")] = 1000,
    predictor_steps: Annotated[int, typer.Option(help="Of layercast's longest training.")] = 2000,
    seeds: Annotated[int, typer.Option(help="How many.")] = 3,
    real: Annotated[Path | None, typer.Option(help="Folder with sets.yaml and the videos it names; not with the "
                                                   "options above.")] = None,
    only: Annotated[list[str], typer.Option(help="--real: only this set; may be given more than once.")] = [],  # noqa: B006
    minutes: Annotated[list[float], typer.Option(help="--real: budgets, ascending; may be given more than "
                                                      "once.")] = MINUTES,
    methods: Annotated[list[str], typer.Option(help="--real: only this one; may be given more than "
                                                    "once.")] = ["layercast", *METHODS],  # noqa: B006
    output: Annotated[Path | None, typer.Option(
        help="Writes OUTPUT.json and .png [default: benchmarks/cost_to_quality]; --real: folder for all that is made "
             "[default: .benchmarks/cost_to_quality].")] = None,
) -> None:
    """Trains every method, prints a table and draws the curves."""
    with one_line_errors():
        if unknown := set(methods) - {"layercast", *METHODS}:
            raise UserError(f"--methods {', '.join(sorted(unknown))}: wanted of layercast, {', '.join(METHODS)}")
        if minutes != sorted(minutes) or minutes[0] <= 0:
            raise UserError(f"--minutes {minutes}: wanted positive numbers, ascending")
        if real is None:
            steps = autoencoder_steps, predictor_steps
            points = on_default_data(clips, test_clips, steps, seeds, output or ROOT / "benchmarks/cost_to_quality")
            print_table("default data", *points, Console())
            return
        for name, entry in read_sets(real, only).items():
            folder = (output or Path(".benchmarks/cost_to_quality")).resolve() / name
            found = on_real_set(real / entry["source"], reading_of(entry), folder, minutes, methods)
            print_table(name, *found, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
