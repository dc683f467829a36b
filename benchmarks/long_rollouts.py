"""Do long futures stay sound? Continues test clips of the run in data/ for 100 steps.

    python -m benchmarks.long_rollouts

area        mean visible area of the objects, px, at the first ten and at the last ten steps; bar: within 25 %
background  psnr of the background layer, rounded as frames are when written, against the true one, which holds still;
            of the mean squared error over all clips, dB; bar: within 1 dB
in frame    share of the objects whose middle lies in the frame at the last step
speed       mean distance an object goes in a step, px, at the first ten and at the last ten steps
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import ROOT, file_name
from pipeline.errors import one_line_errors
from pipeline.forecasting.forecaster import Forecast, Forecaster, clip_name, load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.forecast_clips import forecast_clips, read_clip_truth, read_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.latents import pose as poses
from pipeline.metrics.frame_quality import psnr_of_error
from pipeline.spacing import evenly_spaced
from pipeline.thresholds import PRESENT

ENDS = 10
"""Steps averaged at the beginning and at the end."""
AREA_BAR, BACKGROUND_BAR = 0.25, 1.0


@torch.inference_mode()
def score_clip(forecaster: Forecaster, forecast: Forecast, background: np.ndarray) -> dict[str, np.ndarray]:
    """Figures of one future: area, speed [steps, objects], in_frame [objects], background [steps] (mean squared
    error). background: the true one, uint8 [H, W, C]."""
    given = forecaster.context_frames
    assert all(code.isfinite().all() for code in forecast.latents.codes.values()), "a future is not finite"
    decoded = forecaster.autoencoder.decode(forecast.latents.frames(given, forecaster.num_frames), forecast.pictures)
    present = (forecast.latents.presence[0] > PRESENT).numpy()
    place = poses.place(forecast.latents.pose[0, given - 1:]).numpy()[:, present]
    size = np.array([forecaster.spec.width, forecaster.spec.height])
    layer = to_unit(to_uint8(decoded.background))[0]
    error = (layer - to_unit(background[None])).square().mean((1, 2, 3)).numpy()
    return {
        "area": decoded.mask[0].sum((2, 3)).numpy()[:, present], "background": error,
        "speed": np.linalg.norm(np.diff(place, axis=0), axis=-1),
        "in_frame": ((place[-1] > 0) & (place[-1] < size)).all(-1),
    }


def run(forecaster: Forecaster, store: FrameStore, num_clips: int) -> dict[str, float]:
    given = forecaster.context_frames
    clips = forecast_clips(store, given)
    clips = clips[evenly_spaced(len(clips), num_clips)]
    scores = []
    for i in range(len(clips)):
        one = clips[i:i + 1]
        context, truth = read_clips(store, one, 0, given), read_clip_truth(store, one, "background", 0, given)
        forecast = forecaster.carry_on(forecaster.look(context)[0], clip_name(clips.video_id[i], clips.first_frame[i]))
        scores.append(score_clip(forecaster, forecast, truth[0, -1]))
    first, last = slice(None, ENDS), slice(-ENDS, None)
    of_ends = {
        f"{name} {end}": float(np.concatenate([score[name][steps].ravel() for score in scores]).mean())
        for name in ("area", "background", "speed") for end, steps in (("first", first), ("last", last))
    }
    for end in ("first", "last"):
        of_ends[f"background {end}"] = float(psnr_of_error(of_ends[f"background {end}"]))
    return {**of_ends, "in frame": float(np.concatenate([score["in_frame"] for score in scores]).mean())}


def print_table(figures: dict[str, float], console: Console) -> None:
    table = Table(title="long futures", title_justify="left")
    for column in ("", "first steps", "last steps", "wanted"):
        table.add_column(column, justify="right" if column else "left")
    wanted = {"area": f"within {AREA_BAR:.0%}", "background": f"within {BACKGROUND_BAR:g} dB", "speed": ""}
    for name, bar in wanted.items():
        table.add_row(name, *(f"{figures[f'{name} {end}']:.2f}" for end in ("first", "last")), bar)
    table.add_row("in frame", "", f"{figures['in frame']:.2f}", "")
    console.print(table)


def main(
    data: Annotated[Path, typer.Option(help="Folder of a finished run.")] = ROOT / "data",
    steps: Annotated[int, typer.Option(help="Steps of a future.")] = 100,
    num_clips: Annotated[int, typer.Option(help="Test clips, evenly spread.")] = 32,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Scores futures of many steps."""
    with one_line_errors():
        params = GenerateParams(
            context_frames=None, horizon=steps, num_samples=1, spread="branches", carry_pictures=True, num_pictures=0,
            batch_size=1, seed=0,
        )
        forecaster = load_forecaster(data / file_name("autoencoder"), data / file_name("predictor"), params)
        figures = run(forecaster, open_frames(data / file_name("test_frames")), num_clips)
        print(json.dumps(figures, indent=2)) if as_json else print_table(figures, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
