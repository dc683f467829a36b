"""Runs the pipeline on real video sets with the parameters that it suggests, and judges it beside what needs no
learning.

    python -m benchmarks.real_video FOLDER

FOLDER holds videos and a file sets.yaml, one entry per set: NAME: {source: PATH, ...}. `source` is relative to FOLDER;
of the other keys those of preprocess say how the videos are read (height, width, fps, crop, color, val_fraction,
test_fraction), `camera` (fixed or moving) is for the reader alone. Everything else is what `python -m stages.suggest`
finds.

Beside the forecast (mean over samples, and the samples' mean picture) stand the copied last frame, its optical flow,
objects that go straight on, and the stack of benchmarks/stack.py. psnr and ssim as in evaluate; sharpness: energy of
the pictures' gradients beside that of the truth, 1 is as sharp. A third table is about the layers: the last given frame
as they draw it, alone and with what they leave over of it; what the codes alone make of whole sequences, beside the
median image of each; and masks, where they are known. What lies in the output folder already is not made again; sheets
of each set lie there, SET/sheet_CLIP.png.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML

from benchmarks.stack import MAX_WINDOWS, fit_stack
from benchmarks.stage_runs import OUTPUTS, file_name, run, run_stage, write_params
from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.forecast_clips import find_clips, read_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_unit
from pipeline.frames.prediction_store import PredictionStore, open_predicted_frames
from pipeline.metrics.frame_quality import frame_quality, psnr_of_error
from pipeline.optical_flow import flow_forecast
from pipeline.pictures.grid import write_png
from pipeline.pictures.sheets import forecast_sheet
from pipeline.progress import progress
from pipeline.spacing import evenly_spaced

READING = ("height", "width", "fps", "crop", "color", "val_fraction", "test_fraction")
"""Keys of a set that are parameters of preprocess."""
ROWS = ("samples", "mean picture", "straight on", "stack", "flow", "copy last")
SHEET_CLIPS = 3
GIVEN_CLIPS = 12
"""Clips whose last given frame is drawn, evenly spaced."""
LAYER_FIGURES = {"reconstruction": ("psnr", "ssim", "median_background_psnr", "median_background_ssim"),
                 "decomposition": ("fg_ari", "fg_miou", "identity_consistency")}
"""What of metrics.json is about layers."""


def read_sets(folder: Path, only: list[str] | None = None) -> dict[str, dict]:
    """The entries of sets.yaml, or of `only` those of these names. Raises UserError where the file or one of the names
    is missing, or an entry is none."""
    path = folder / "sets.yaml"
    try:
        sets = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read ({error.strerror}); it names the sets, see benchmarks/real_video.py"
        ) from error
    for name, entry in sets.items():
        if unknown := set(entry) - {"source", "camera", *READING}:
            raise UserError(
                f"{path}: {name}: unknown keys {', '.join(sorted(unknown))}; known: source, camera, "
                f"{', '.join(READING)}"
            )
        if not (folder / str(entry.get("source"))).exists():
            raise UserError(f"{path}: {name}: source {entry.get('source')} is not there")
    if unknown := set(only or ()) - set(sets):
        raise UserError(f"{', '.join(sorted(unknown))}: not in {path}; there are {', '.join(sets)}")
    return {name: entry for name, entry in sets.items() if not only or name in only}


def reading_of(entry: dict) -> dict:
    """What of an entry are parameters of preprocess."""
    return {key: value for key, value in entry.items() if key in READING}


def run_set(source: Path, reading: dict, folder: Path, stages: Iterable[str] = OUTPUTS) -> None:
    """Runs those of the stages whose outputs do not lie in `folder` yet, with the suggested parameters."""
    params = folder / "params.yaml"
    if not params.exists():
        draft, read = folder / "suggested.yaml", {"preprocess": {"source": str(source.resolve()), **reading}}
        write_params(draft, read)
        picture = f"--picture={folder / 'suggestion.png'}"
        run("stages.suggest", str(source.resolve()), "--write", f"--params={draft}", picture)
        write_params(params, read | _in_px_of(reading, draft), draft)
    for stage in stages:
        if not all((folder / file_name(output)).exists() for output in OUTPUTS[stage]):
            run_stage(stage, params, folder)


def _in_px_of(reading: dict, draft: Path) -> dict:
    """Suggested lengths in px of the size that the set is read at, where that is another one than suggested; pictures
    of objects have as many samples to a px."""
    suggested = YAML(typ="safe", pure=True).load(draft.read_text(encoding="utf-8"))
    ratio = reading.get("height", suggested["preprocess"]["height"]) / suggested["preprocess"]["height"]
    architecture = suggested["train_autoencoder"]["architecture"]
    object_px, margin, patch = (architecture[name] * ratio for name in ("object_px", "canvas_margin", "patch_dim"))
    lengths = {"object_px": max(2, round(object_px)), "canvas_margin": round(margin)}
    return {"train_autoencoder": {"architecture": lengths | {"patch_dim": max(16, round(patch))}}}


def judge(folder: Path) -> dict:
    """Figures of one set by forecast: psnr, ssim (mean and by step) and sharpness; with seconds and memory by stage."""
    store = open_frames(folder / file_name("test_frames"))
    frames = open_predicted_frames(folder / file_name("predicted_frames"))
    given, horizon = frames.context_frames, frames.horizon
    clips = find_clips(store, frames.video_id, frames.first_frame, given + horizon)
    stack = fit_stack(training_windows(open_frames(folder / file_name("frames")), given + horizon), given)
    scores: dict[str, list[dict[str, np.ndarray]]] = {name: [] for name in ROWS}
    contexts = read_clips(store, clips[evenly_spaced(len(clips), GIVEN_CLIPS)], 0, given)
    drawn = set(evenly_spaced(len(clips), SHEET_CLIPS).tolist())
    with progress(f"judging {folder.name}", len(clips), "clips") as advance:
        for i in range(len(clips)):
            clip = read_clips(store, clips[i:i + 1], 0, given + horizon)[0]
            forecasts = _forecasts(clip[:given], frames, i, stack.forecast)
            for name, forecast in forecasts.items():
                scores[name].append(_scores(forecast, clip[given:]))
            if i in drawn:
                shown = {name: forecast[0] for name, forecast in forecasts.items()}
                sheet = forecast_sheet(clip[:given], clip[given:], shown, f"{folder.name}: {clips.video_id[i]}")
                write_png(folder / f"sheet_{i:04}.png", sheet)
            advance()
    costs = {stage: json.loads((folder / "cost" / f"{stage}.json").read_text()) for stage in OUTPUTS}
    metrics = json.loads((folder / file_name("output") / "metrics.json").read_text())
    layers = {name: metrics[part].get(name) for part, names in LAYER_FIGURES.items() if part in metrics
              for name in names}
    model, _ = load_autoencoder(folder / file_name("autoencoder"))
    return {
        "num_clips": len(clips), "forecasts": {name: _means(parts) for name, parts in scores.items()},
        "layers": layers | last_given(model, contexts),
        "cost": {stage: {key: cost[key] for key in ("seconds", "peak_resident_gib")} for stage, cost in costs.items()},
    }


@torch.inference_mode()
def last_given(model: Autoencoder, contexts: np.ndarray) -> dict[str, float]:
    """Mean psnr, dB, of the last frame of contexts uint8 [n, T, H, W, C] as a forecast begins from it: drawn from its
    layers alone, and with what they leave over of it."""
    figures: dict[str, list[float]] = {"given_by_layers": [], "given_drawn": []}
    for context in to_unit(contexts).split(1):
        latents, pictures = model.encode_with_pictures(context)
        last, frame = latents.frames(context.shape[1] - 1, context.shape[1]), context[0, -1]
        drawn = model.decode(last, pictures)
        left = model.remainder(frame, last, drawn, last, drawn)
        for name, picture in zip(figures, (drawn.frames, drawn.frames + left), strict=True):
            error = (picture[0, 0].clamp(0, 1) - frame).square().mean()
            figures[name].append(float(psnr_of_error(error.numpy())))
    return {name: float(np.mean(values)) for name, values in figures.items()}


def training_windows(store: FrameStore, num_frames: int) -> np.ndarray:
    """What the stack is fitted on: uint8 [N, num_frames, height, width, C]."""
    rows = store.rows("train")
    return store.read(rows[evenly_spaced(len(rows), MAX_WINDOWS)])[:, :num_frames]


def _forecasts(
    context: np.ndarray, frames: PredictionStore, i: int, stack: Callable[[np.ndarray], np.ndarray],
) -> dict[str, np.ndarray]:
    """Forecasts by name, each uint8 [S, H, height, width, C]; S is 1 but for the samples."""
    samples = frames.read(i, i + 1)[0]
    mean = samples.astype(np.float32).mean(0).round().astype(np.uint8)
    return {
        "samples": samples, "mean picture": mean[None], "straight on": frames.read_straight_on(i, i + 1),
        "stack": stack(context)[None], "flow": flow_forecast(context, frames.horizon)[None],
        "copy last": context[-1:].repeat(frames.horizon, 0)[None],
    }


def _scores(forecast: np.ndarray, target: np.ndarray) -> dict[str, np.ndarray]:
    """Scores [S, H] by the figure's name."""
    quality = frame_quality(to_unit(forecast), to_unit(np.broadcast_to(target, forecast.shape)))
    return {name: quality[name] for name in ("psnr", "ssim")} | {"sharpness": _gradient(forecast) / _gradient(target)}


def _gradient(frames: np.ndarray) -> np.ndarray:
    """Energy of the gradients of frames [..., height, width, C]: [...]."""
    values = frames.astype(np.float32)
    return sum(np.square(np.diff(values, axis=axis)).mean((-1, -2, -3)) for axis in (-3, -2)) + 1e-6


def _means(parts: list[dict[str, np.ndarray]]) -> dict:
    joined = {name: np.stack([part[name] for part in parts]) for name in parts[0]}  # [clip, S, H]
    means = {name: float(values.mean()) for name, values in joined.items()}
    return means | {f"{name}_by_step": joined[name].mean((0, 1)).tolist() for name in ("psnr", "ssim")}


def lead(figures: dict, name: str, step: int | None = None) -> float:
    """How far the mean picture's psnr is above that of `name`, dB; at a step, or on average."""
    ours, theirs = (figures["forecasts"][who] for who in ("mean picture", name))
    return ours["psnr"] - theirs["psnr"] if step is None else ours["psnr_by_step"][step] - theirs["psnr_by_step"][step]


def print_tables(found: dict[str, dict], console: Console) -> None:
    """Psnr of every forecast by set, what the mean picture is ahead of stack, and what the stages cost."""
    table = _table("psnr, dB; ssim in brackets", "clips", *ROWS, "sharpness", "minutes")
    for name, figures in found.items():
        cells = [f"{figures['forecasts'][row]['psnr']:.2f} ({figures['forecasts'][row]['ssim']:.3f})" for row in ROWS]
        sharpness = f"{figures['forecasts']['mean picture']['sharpness']:.2f}"
        minutes = sum(cost["seconds"] for cost in figures["cost"].values()) / 60
        table.add_row(name, str(figures["num_clips"]), *cells, sharpness, f"{minutes:.1f}")
    console.print(table)
    columns = {"stack": ("stack", None), "stack, step 1": ("stack", 0), "stack, last step": ("stack", -1),
               "copy last": ("copy last", None), "straight on": ("straight on", None)}
    table = _table("mean picture minus ..., dB", *columns)
    leads = {name: [lead(figures, *column) for column in columns.values()] for name, figures in found.items()}
    for name, row in leads.items():
        table.add_row(name, *(f"{value:+.2f}" for value in row))
    for what, of in (("mean", np.mean), ("worst", np.min)):
        leads_of = (f"{of([row[i] for row in leads.values()]):+.2f}" for i in range(len(columns)))
        table.add_row(what, *leads_of, style="bold")
    console.print(table)


def _table(title: str, *columns: str) -> Table:
    """One row is a set."""
    table = Table("set", title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="right")
    return table


def print_layers(found: dict[str, dict], console: Console) -> None:
    """What the layers alone show: of the last given frame, of whole sequences, and as masks."""
    columns = "last given, by layers", "last given, drawn", "by codes alone", "median image", "fg_ari", "fg_miou"
    table = _table("layers: psnr, dB; ssim in brackets", *columns)
    for name, figures in found.items():
        layers = figures["layers"]
        masks = (layers.get(key) for key in ("fg_ari", "fg_miou"))
        table.add_row(
            name, f"{layers['given_by_layers']:.1f}", f"{layers['given_drawn']:.1f}",
            f"{layers['psnr']:.2f} ({layers['ssim']:.3f})",
            f"{layers['median_background_psnr']:.2f} ({layers['median_background_ssim']:.3f})",
            *("" if value is None else f"{value:.3f}" for value in masks),
        )
    console.print(table)


def main(
    folder: Annotated[Path, typer.Argument(help="Folder with sets.yaml and the videos it names.")],
    output: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/real_video"),
    only: Annotated[list[str], typer.Option(help="Only this set; may be given more than once.")] = [],  # noqa: B006
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Trains and judges on every set."""
    with one_line_errors():
        sets = read_sets(folder, only)
        found = {}
        for name, entry in sets.items():
            run_set(folder / entry["source"], reading_of(entry), output / name)
            found[name] = judge(output / name)
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_tables(found, Console())
            print_layers(found, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
