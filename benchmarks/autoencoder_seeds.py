"""Are the layers right whatever the seed? Trains stage 1 with several seeds and prints mean and worst beside the bars.

    python -m benchmarks.autoencoder_seeds

Per seed: train_autoencoder as params.yaml says, the test split encoded, and evaluate's figures of reconstruction,
layers and codes. A seed that is done is not done again while frames, parameters and code are the same, and an
interrupted training goes on where it stopped. The default setting takes 5 to 6 minutes a seed on 2 idle cores.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.errors import one_line_errors
from pipeline.evaluation.device import on_device
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.evaluation.judging import judge_reconstruction
from pipeline.evaluation.sheets import draw_sequence
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_unit
from pipeline.latents.latent_store import LatentWriter, open_latents
from pipeline.latents.latents import concatenate
from pipeline.output_folder import output_folder
from pipeline.params import read_section
from pipeline.resume.folders import fingerprint
from pipeline.spacing import evenly_spaced
from stages.train_autoencoder import train_autoencoder

SEQUENCES_AT_ONCE = 4


@dataclass(frozen=True)
class Bar:
    """What a figure, found in the sections of metrics.json at `path`, should reach: the mean of the seeds, and the
    worst; None: it is shown, and nothing is asked of it."""

    name: str
    path: tuple[str, ...]
    mean: float | None = None
    worst: float | None = None
    higher_is_better: bool = True

    def value(self, metrics: dict) -> float | None:
        found: Any = metrics
        for key in self.path:
            found = found[key]
        return found

    def is_reached(self, value: float, bar: float | None) -> bool:
        return bar is None or (value >= bar if self.higher_is_better else value <= bar)

    def wanted(self, bar: float | None) -> str:
        """The bar as tables show it."""
        return "" if bar is None else f"{'≥' if self.higher_is_better else '≤'} {bar:g}"


BARS = (
    Bar("reconstruction psnr, dB", ("reconstruction", "psnr"), 30, 29),
    Bar("fg_miou", ("decomposition", "fg_miou"), 0.82, 0.79),
    Bar("fg_ari", ("decomposition", "fg_ari"), 0.85, 0.82),
    Bar("identity_consistency", ("decomposition", "identity_consistency"), 0.97, 0.95),
    Bar("position_r2_time_varying", ("disentanglement", "position_r2_time_varying"), 0.97, 0.95),
    Bar("position_r2_time_independent", ("disentanglement", "position_r2_time_independent"), 0.10, 0.15, False),
    Bar("shape, time-independent", ("disentanglement", "probes", "time_independent", "shape"), 0.7, 0.6),
    Bar("intervention_error_px", ("disentanglement", "intervention_error_px"), 0.7, 1.0, False),
    Bar("training, min", ("training_minutes",), 8, 8, False),
)


def run_seed(
    train: TrainAutoencoderParams, judge: EvaluateParams, frames: Path, test_frames: Path, folder: Path,
) -> dict:
    """Trains, encodes and judges into `folder`; returns the figures, those of last time where nothing has changed."""
    inputs = {"frames": open_frames(frames).identity, "test_frames": open_frames(test_frames).identity}
    wanted, result = fingerprint(train, inputs), folder / "metrics.json"
    if result.exists() and (known := json.loads(result.read_text()))["fingerprint"] == wanted:
        return known
    started = perf_counter()
    train_autoencoder(train, frames, folder / "autoencoder.safetensors", folder / "curves")
    minutes = (perf_counter() - started) / 60
    metrics = judge_seed(judge, open_frames(test_frames), folder)
    metrics |= {"seed": train.training.seed, "fingerprint": wanted, "training_minutes": minutes}
    result.write_text(json.dumps(metrics, indent=2) + "\n")
    return metrics


@torch.inference_mode()
def judge_seed(params: EvaluateParams, store: FrameStore, folder: Path) -> dict:
    """evaluate's figures of the autoencoder in `folder` on the test split, its latents left beside it."""
    model, weights = load_autoencoder(folder / "autoencoder.safetensors")
    model = model.to("cuda" if torch.cuda.is_available() else "cpu")
    encode, decode = on_device(model, model.encode), on_device(model, model.decode)
    rows = store.rows("test")
    made_from = {"autoencoder": weights.identity, "test_frames": store.identity}
    writer = LatentWriter(
        folder / "latents.zarr", model.spec, store.video_id[rows], store.first_frame[rows], store.split[rows],
        num_frames=store.num_frames, fps=store.fps, made_from=made_from, object_px=model.config.architecture.object_px,
        crop=store.crop, fps_is_assumed=store.fps_is_assumed,
    )
    starts = range(0, len(rows), SEQUENCES_AT_ONCE)
    parts = [encode(to_unit(store.read(rows[start:start + SEQUENCES_AT_ONCE]))).to("cpu") for start in starts]
    writer.write(0, concatenate(parts))
    writer.finish()
    encoded = open_latents(folder / "latents.zarr")
    with output_folder(folder / "sheets", {".png"}) as sheets:
        for place in evenly_spaced(len(rows), params.num_sheets).tolist():
            draw_sequence(store, encoded, decode, place, f"{place:04}", "one of some evenly spaced", sheets)
    return judge_reconstruction(params, store, encoded, encode, decode)


def summarise(seeds: list[dict], bars: tuple[Bar, ...] = BARS) -> list[dict]:
    """Mean and worst seed of every figure beside its bars; None where a seed lacks the figure. reached: None as well
    where nothing is asked."""
    rows = []
    for bar in bars:
        values = [bar.value(metrics) for metrics in seeds]
        known = [value for value in values if value is not None]
        mean = worst = reached = None
        if len(known) == len(values):
            mean, worst = float(np.mean(known)), (min if bar.higher_is_better else max)(known)
            if (bar.mean, bar.worst) != (None, None):
                reached = bar.is_reached(mean, bar.mean) and bar.is_reached(worst, bar.worst)
        rows.append({
            "figure": bar.name, "mean": mean, "mean_bar": bar.mean, "worst": worst, "worst_bar": bar.worst,
            "reached": reached, "by_seed": values,
        })
    return rows


def print_summary(rows: list[dict], seeds: list[int], console: Console) -> None:
    table = Table(title=f"seeds {', '.join(map(str, seeds))}", title_justify="left")
    for column in ("figure", "mean", "bar", "worst", "bar", "reached"):
        table.add_column(column, justify="left" if column == "figure" else "right", no_wrap=True)
    show: Callable[[float | None], str] = lambda value: "-" if value is None else f"{value:.4g}"  # noqa: E731
    for row, bar in zip(rows, BARS, strict=True):
        reached = {True: "yes", False: "NO", None: "-"}[row["reached"]]
        figures = (show(row["mean"]), bar.wanted(bar.mean), show(row["worst"]), bar.wanted(bar.worst))
        table.add_row(row["figure"], *figures, reached)
    console.print(table)


def main(
    seeds: Annotated[list[int], typer.Option(help="Seeds of the training.")] = [0, 1, 2],  # noqa: B006
    params: Annotated[Path, typer.Option(help="File with the sections.")] = Path("params.yaml"),
    frames: Annotated[Path, typer.Option(help="Frame store to learn from.")] = Path("data/frames.zarr"),
    test_frames: Annotated[Path, typer.Option(help="Frame store to judge on.")] = Path("data/test_frames.zarr"),
    folder: Annotated[Path, typer.Option(help="Weights and figures of every seed.")] = Path(".benchmarks/seeds"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Trains the autoencoder with several seeds; mean and worst figures beside the bars."""
    with one_line_errors():
        train = read_section(params, "train_autoencoder", TrainAutoencoderParams)
        judge = read_section(params, "evaluate", EvaluateParams)
        results = []
        for seed in seeds:
            of_seed = train.model_copy(update={"training": train.training.model_copy(update={"seed": seed})})
            results.append(run_seed(of_seed, judge, frames, test_frames, folder / f"seed_{seed}"))
        rows = summarise(results)
        if as_json:
            print(json.dumps({"seeds": seeds, "figures": rows}, indent=2))
        else:
            print_summary(rows, seeds, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
