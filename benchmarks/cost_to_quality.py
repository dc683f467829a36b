"""Forecast quality over training cost: layercast and two predictors trained end to end, on the same clips.

    python -m benchmarks.cost_to_quality

needs data/frames.zarr and data/test_frames.zarr (`dvc repro preprocess`). layercast is trained by its own stages, with
params.yaml but for the number of steps, several times, each time longer. The other two then train for as long as its
longest training took, and are judged on the way. Time is what the processor spent on training (with a GPU: what the
clock says), so that other work on the machine changes nothing; judging does not count. Cost is time x peak memory.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.convlstm import ConvLSTMForecaster, convlstm_loss
from benchmarks.stage_runs import ROOT, run_stage, write_params
from benchmarks.svg import SVG, svg_loss
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.memory_meter import cuda_peaks, most_resident
from pipeline.metrics.frame_quality import frame_quality
from pipeline.params import read_section
from pipeline.predictor.train_predictor_params import TrainPredictorParams

CONTEXT_FRAMES, HORIZON = 10, 10
SHARES = (0.25, 1.0)
"""Of the steps, and of the time: where each method is judged."""
BATCH_SIZE = 4
METHODS: dict[str, tuple[Callable, Callable, float]] = {
    "ConvLSTM": (lambda resolution: ConvLSTMForecaster(), convlstm_loss, 1e-3), "SVG-LP": (SVG, svg_loss, 2e-3),
}
"""Model, loss, and the learning rate of Adam that their papers or their code give."""


@dataclass(frozen=True)
class Point:
    method: str
    seed: int
    steps: str
    hours: float
    gib: float
    psnr: float
    ssim: float


def seconds() -> float:
    """Time of this process and of those it has waited for: on the processor, or by the clock where there is a GPU."""
    if torch.cuda.is_available():
        return time.monotonic()
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def judge(prediction: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """prediction [clip, sample, HORIZON, H, W, C] against target [clip, HORIZON, H, W, C], averaged over everything."""
    figures = frame_quality(to_unit(prediction), to_unit(np.broadcast_to(target[:, None], prediction.shape)))
    return {name: float(figures[name].mean()) for name in ("psnr", "ssim")}


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


def layercast(folder: Path, steps: tuple[int, int], seed: int, target: np.ndarray) -> tuple[Point, float]:
    """Trains by the stages in `folder`, which holds the frames. Returns the point and the seconds that it took."""
    shipped = ROOT / "params.yaml"
    trainings = {
        "train_autoencoder": read_section(shipped, "train_autoencoder", TrainAutoencoderParams).training,
        "train_predictor": read_section(shipped, "train_predictor", TrainPredictorParams).training,
    }
    changes: dict[str, dict] = {"generate": {"num_pictures": 0}}
    for (name, training), num_steps in zip(trainings.items(), steps, strict=True):
        validate_every = min(training.validate_every, num_steps)
        changes[name] = {"training": {"num_steps": num_steps, "validate_every": validate_every, "seed": seed}}
    params = folder / "params.yaml"
    write_params(params, changes)
    os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
    begin = seconds()
    costs = [run_stage(stage, params, folder) for stage in ("train_autoencoder", "encode", "train_predictor")]
    taken = seconds() - begin
    run_stage("generate", params, folder)
    prediction = open_predicted_frames(folder / "predicted_frames.zarr")
    quality = judge(prediction.read(0, prediction.num_clips), target)
    memory = max(cost["peak_cuda_reserved_gib"] or cost["peak_resident_gib"] for cost in costs)
    return Point("layercast", seed, f"{steps[0]} + {steps[1]}", taken / 3600, memory, **quality), taken


def end_to_end(
    method: str, budget: float, seed: int, store: FrameStore, context: np.ndarray, target: np.ndarray,
) -> list[Point]:
    """Trains until `budget` seconds are spent; judged at SHARES of them. Call in a process of its own: memory is its
    peak."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    build, loss, rate = METHODS[method]
    model = build(store.height).to(device)
    adam = torch.optim.Adam(model.parameters(), rate)
    rows, random = store.rows("train"), np.random.default_rng(seed)
    points, spent, steps, begin = [], 0.0, 0, seconds()
    for share in SHARES:
        model.train()
        while spent < share * budget:
            begin = seconds()
            clips = to_unit(store.read(random.choice(rows, BATCH_SIZE))[:, :CONTEXT_FRAMES + HORIZON]).to(device)
            adam.zero_grad()
            loss(model, clips, CONTEXT_FRAMES).backward()
            adam.step()
            spent, steps = spent + seconds() - begin, steps + 1
        memory = cuda_peaks()[1] or most_resident()
        model.eval()
        with torch.no_grad():
            futures = [to_uint8(model(to_unit(clip).to(device), HORIZON)) for clip in np.split(context, len(context))]
        quality = judge(np.stack(futures), target)
        points.append(Point(method, seed, str(steps), spent / 3600, memory / 2**30, **quality))
        print(points[-1], file=sys.stderr, flush=True)
    return points


def _draw(points: list[Point], still: dict[str, float], path: Path) -> None:
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
        axis.axhline(still[name], color="grey", linestyle=":", label="copy the last frame")
        axis.set(xscale="log", xlabel="GiB x hours of training", ylabel={"psnr": "psnr, dB"}.get(name, name))
        axis.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter("{x:g}")
        axis.xaxis.set_minor_formatter(NullFormatter())
        axis.grid(alpha=0.3)
    axes[1].legend(frameon=False)
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main(
    clips: Annotated[int, typer.Option(help="Training clips, the first ones of data/frames.zarr.")] = 10**6,
    test_clips: Annotated[int, typer.Option(help="Held-out clips, the first ones of data/test_frames.zarr.")] = 10**6,
    autoencoder_steps: Annotated[int, typer.Option(help="Of layercast's longest training.")] = 1000,
    predictor_steps: Annotated[int, typer.Option(help="Of layercast's longest training.")] = 2000,
    seeds: Annotated[int, typer.Option(help="How many.")] = 3,
    output: Annotated[Path, typer.Option(help="Writes NAME.json and NAME.png.")] = Path("benchmarks/cost_to_quality"),
) -> None:
    """Trains every method with every seed, prints a table and draws the curves."""
    points: list[Point] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subset(open_frames(Path("data/frames.zarr")), folder / "frames.zarr",
               {"train": clips, "val": max(2, clips // 8)})
        test = subset(open_frames(Path("data/test_frames.zarr")), folder / "test_frames.zarr", {"test": test_clips})
        frames = test.read(slice(None))
        context, target = frames[:, :CONTEXT_FRAMES], frames[:, CONTEXT_FRAMES:CONTEXT_FRAMES + HORIZON]
        still = judge(np.repeat(context[:, None, -1:], HORIZON, 2), target)
        for seed in range(seeds):
            budget = 0.0
            for share in SHARES:
                steps = max(1, round(share * autoencoder_steps)), max(1, round(share * predictor_steps))
                point, budget = layercast(folder, steps, seed, target)
                print(point, file=sys.stderr, flush=True)
                points.append(point)
            for method in METHODS:
                points += _apart(method, budget, seed, folder)
            _write(points, still, output)
    table = Table(title=f"{len(target)} held-out clips; copy last: {still['psnr']:.2f} dB, {still['ssim']:.3f}")
    for column in ("method", "seed", "steps", "hours", "peak GiB", "GiB x hours", "psnr", "ssim"):
        table.add_column(column, justify="right")
    for point in points:
        table.add_row(point.method, str(point.seed), point.steps, f"{point.hours:.4f}", f"{point.gib:.2f}",
                      f"{point.gib * point.hours:.4f}", f"{point.psnr:.2f}", f"{point.ssim:.3f}")
    Console().print(table)


def _apart(method: str, budget: float, seed: int, folder: Path) -> list[Point]:
    """end_to_end in a process of its own."""
    code = (
        "import sys, json, dataclasses; from pathlib import Path; from benchmarks import cost_to_quality as here\n"
        "folder = Path(sys.argv[1])\n"
        "store, test = (here.open_frames(folder / n) for n in ('frames.zarr', 'test_frames.zarr'))\n"
        "frames = test.read(slice(None)); given, last = here.CONTEXT_FRAMES, here.CONTEXT_FRAMES + here.HORIZON\n"
        "points = here.end_to_end(sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), store, frames[:, :given], "
        "frames[:, given:last])\n"
        "print(json.dumps([dataclasses.asdict(point) for point in points]))"
    )
    command = [sys.executable, "-c", code, str(folder), method, str(budget), str(seed)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [Point(**point) for point in json.loads(done.stdout.splitlines()[-1])]


def _write(points: list[Point], still: dict[str, float], output: Path) -> None:
    document = {"copy_last": still, "points": [vars(point) for point in points]}
    output.with_suffix(".json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    _draw(points, still, output.with_suffix(".png"))


if __name__ == "__main__":
    typer.run(main)
