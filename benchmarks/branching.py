"""Do samples cover a future that is truly open? Objects turn left, right or not at all right where the context ends.

    python -m benchmarks.branching

Draws such videos, trains stage 1 once and every kind of predictor on it, and scores K samples of each against the
truth:

nearest     distance of an object's nearest sample from the object at the last step, px, averaged over objects
ratio       nearest, divided by what the deterministic predictor's only sample reaches
of clip     nearest with one sample for all objects of a clip: the one nearest on average over them
mean        the distance averaged over samples
parts       share of objects whose samples at the last step are more than BRANCH_PX apart
coverage    how often an object's x or y lies in its samples' central 90 % interval (metrics/calibration.py), all steps

What lies in the folder already is not made again. On two cores it takes about 12 minutes from nothing, 5 with the
weights of the default run (--autoencoder data/autoencoder.safetensors), whose videos look alike.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import ROOT, file_name, run, run_stage, write_params
from pipeline.errors import one_line_errors
from pipeline.forecasting.forecaster import Forecaster, load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.forecast_clips import forecast_clips, read_clip_truth, read_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.latents import pose as poses
from pipeline.metrics import calibration, segmentation, trajectories

NUM_SAMPLES = 20
TURN_EVERY = 10
"""Frames; sequences of 20 begin at multiples of it, so the turn comes right after 10 frames of context."""
BRANCH_PX, COVERED_SHARE = 3.0, 0.9
NEAREST_BAR, COVERAGE_BAR = 0.5, (0.8, 0.97)
"""Nearest sample's error over the deterministic predictor's error, at most; coverage, from and to."""


def make_latents(folder: Path, autoencoder: Path | None, num_videos: int, num_steps: int) -> None:
    """Everything up to the latents, the same for all predictors, with weights from elsewhere where there are any."""
    write_params(
        folder / "sprites.yaml", {"sprites": {"num_videos": num_videos, "turn_every": TURN_EVERY}},
        ROOT / "data/sprites/params.yaml",
    )
    changes = {"train_autoencoder": {"training": {"num_steps": num_steps}}}
    write_params(folder / "params.yaml", {"preprocess": {"source": str((folder / "videos").resolve())}, **changes})
    if not (folder / "videos").exists():
        run("data.sprites.generate", f"--params={folder}/sprites.yaml", f"--out={folder}/videos")
    if autoencoder is not None and not (folder / file_name("autoencoder")).exists():
        shutil.copyfile(autoencoder, folder / file_name("autoencoder"))
    for stage, output in (("preprocess", "test_frames"), ("train_autoencoder", "autoencoder"), ("encode", "latents")):
        if not (folder / file_name(output)).exists():
            run_stage(stage, folder / "params.yaml", folder)


def judge_kind(folder: Path, kind: str) -> dict[str, float | None]:
    """Trains one kind of predictor, draws futures and scores them."""
    own = folder / kind
    write_params(own / "params.yaml", {"train_predictor": {"kind": kind}})
    if not (own / "predictor.safetensors").exists():
        run_stage("train_predictor", own / "params.yaml", own, latents=folder / "latents.zarr")
    single = kind == "deterministic"
    params = GenerateParams(
        context_frames=None, horizon=None, carry_pictures=False, num_pictures=0, batch_size=4, seed=0,
        num_samples=1 if single else NUM_SAMPLES, spread="branches" if single else "full",
    )
    forecaster = load_forecaster(folder / "autoencoder.safetensors", own / "predictor.safetensors", params)
    return score(forecast_clips_of(forecaster, open_frames(folder / "test_frames.zarr"), params.batch_size))


@dataclass(frozen=True)
class Clip:
    """Where samples and truth put the N objects of a clip in H steps."""

    place: np.ndarray
    """float [S, H, N, 2]: of the samples, px."""
    truth: np.ndarray
    """float [H, N, 2]: px."""
    counted: np.ndarray
    """bool [H, N]: in view, and found in the context."""


@torch.inference_mode()
def forecast_clips_of(forecaster: Forecaster, store: FrameStore, batch_size: int) -> list[Clip]:
    """Forecasts all test clips."""
    given, clips, found = forecaster.context_frames, forecast_clips(store, forecaster.num_frames), []
    segmented, position = (
        read_clip_truth(store, clips, name, 0, forecaster.num_frames) for name in ("segmentation", "position")
    )
    forecasts = forecaster.forecast_all(
        clips.video_id.tolist(), clips.first_frame.tolist(),
        lambda start, stop: read_clips(store, clips[start:stop], 0, given), batch_size,
    )
    for forecast, segments, truth in zip(forecasts, segmented, position, strict=True):
        context = forecast.latents.map(lambda code: code[:1]).frames(0, given)
        drawn = forecaster.autoencoder.decode(context).segmentation()[0].numpy()
        counts = segmentation.overlap_counts(segments[:given], drawn, truth.shape[1], forecaster.spec.num_slots)
        slot_of = segmentation.match_slots(counts)
        shown = (segments[given:, :, :, None] == np.arange(1, truth.shape[1] + 1)).any((1, 2))
        place = trajectories.places_of_objects(poses.place(forecast.latents.pose[:, given:]).numpy(), slot_of)
        found.append(Clip(place, truth[given:], shown & (slot_of != segmentation.UNMATCHED)))
    return found


def score(clips: list[Clip]) -> dict[str, float | None]:
    """The figures that the head of this file defines."""
    errors, apart, covered = [], [], []
    for clip in clips:
        counted, last = clip.counted[-1], clip.place[:, -1]
        errors.append(np.linalg.norm(clip.place - clip.truth, axis=-1)[:, -1, counted])  # [S, n]
        distance = np.linalg.norm(last[:, None] - last[None], axis=-1)
        apart.append(distance.max((0, 1))[counted] > BRANCH_PX)
        if len(clip.place) > 1:
            covered.append(calibration.covered(clip.place, clip.truth, clip.counted, COVERED_SHARE))
    together = [error[error.mean(1).argmin()] for error in errors if error.shape[1]]
    coverage = np.concatenate([inside.ravel() for inside in covered]) if covered else np.full(1, np.nan)
    return {
        "nearest": float(np.concatenate([error.min(0) for error in errors]).mean()),
        "of clip": float(np.concatenate(together).mean()),
        "mean": float(np.concatenate([error.mean(0) for error in errors]).mean()),
        "parts": float(np.concatenate(apart).mean()),
        "coverage": float(np.nanmean(coverage)) if covered else None,
    }


def print_table(figures: dict[str, dict[str, float | None]], console: Console) -> None:
    single = figures["deterministic"]["nearest"]
    table = Table(title=f"{NUM_SAMPLES} samples, errors at the last step in px", title_justify="left")
    for column in ("", "nearest", "ratio", "of clip", "mean", "parts", "coverage"):
        table.add_column(column, justify="right" if column else "left")
    for kind, row in figures.items():
        ratio = None if single is None or row["nearest"] is None else row["nearest"] / single
        cells = (row["nearest"], ratio, row["of clip"], row["mean"], row["parts"], row["coverage"])
        table.add_row(kind, *("-" if value is None else f"{value:.2f}" for value in cells))
    table.add_row("wanted", "", f"<= {NEAREST_BAR}", "", "", "", f"{COVERAGE_BAR[0]} to {COVERAGE_BAR[1]}", style="dim")
    console.print(table)


def main(
    folder: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/branching"),
    kinds: Annotated[str, typer.Option(help="Kinds beside the deterministic one, with commas.")] = "mixture",
    autoencoder: Annotated[Path | None, typer.Option(help="Weights to use, such as the default run's.")] = None,
    num_videos: Annotated[int, typer.Option(help="Videos drawn.")] = 300,
    num_steps: Annotated[int, typer.Option(help="Training steps of the autoencoder.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Scores samples of futures that are truly open."""
    with one_line_errors():
        make_latents(folder, autoencoder, num_videos, num_steps)
        figures = {kind: judge_kind(folder, kind) for kind in ("deterministic", *kinds.split(","))}
        if as_json:
            print(json.dumps(figures, indent=2))
        else:
            print_table(figures, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
