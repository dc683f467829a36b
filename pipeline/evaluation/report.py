"""What people see of an evaluation: the curves, and the printed tables with their protocol.

`metrics` is the dict that metrics.json holds: sections protocol, reconstruction, prediction, baselines, compression
and, where there was ground truth, decomposition and disentanglement.
"""

from collections.abc import Iterator
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.metrics.plots import write_curve, write_reliability

# A list, not a dict: `dvc metrics show` makes a column of every string it finds, but leaves lists alone.
DEFINITIONS = [
    "prediction: every sample judged by itself, figures averaged over samples",
    "mean as one picture: the samples' average, judged as a picture of its own",
    "psnr: dB, over all pixels and channels of a frame, averaged over frames",
    "moving: psnr over pixels that leave the last given frame by 15 of 255 levels",
    "ssim: torchmetrics' defaults (Gaussian window, sigma 1.5), data range 1",
    "mse, mae: summed over a frame's pixels and channels in [0, 1], averaged",
    "from its codes alone: drawn without anything carried over from given frames",
    "straight on (linear_extrapolation): poses in lines; drawn, mixed as the prediction",
    "flow: last given frame, carried on by its optical flow (dense inverse search)",
    "best of samples: the best one by that figure in each clip; gap: to the mean",
    "95 %: percentile bootstrap over clips, 1000 resamples, fixed seed",
    "px: median distance from an object in view to its slot, at a step",
    "nearest sample, px: median; for each object and step the nearest sample",
    "coverage: truth inside the samples' central interval, x and y, per object",
    "occupancy: forecast share of samples, truth among them, to what came true",
    "apart: distance of a slot, psnr of frames, mean over pairs of samples",
    "fg_ari: per frame, true foreground pixels, clips with two or more objects",
    "fg_miou: per clip, slots matched to objects once; unmatched objects count 0",
    "identity_consistency: share of (object, frame) whose best slot is the clip's",
    "position_r2: ridge probes from slot to place, held-out videos",
    "presence: a slot is right if it overlaps its object by half, over the clip",
    "background_psnr_behind_objects: pixels at which the truth shows an object",
    "intervention_error_px: moved by 5 px in the code; centroid of the mask",
    "appearance_variance_ratio: codes of a clip's halves, between objects",
    "swap_background_psnr: objects over the next sequence's background, off edges",
    "swap_appearance_psnr: an object with another's looks; true pixels, off edges",
    "surprise: tracks of the layers, set against those of validation clips",
    "probes: R2; shape (accuracy - chance) / (1 - chance); held-out videos",
]
_NEEDS = {
    "mean as one picture": "mean_picture", "from its codes alone": "without_carried_pictures", "px": "position_error",
    "nearest sample, px": "nearest_sample_error", "coverage": "calibration", "occupancy": "occupancy",
    "apart": "diversity", "surprise": "surprise",
    "position_r2": "position_r2_time_varying", "presence": "presence_precision",
    **{name: name for name in (
        "fg_ari", "fg_miou", "identity_consistency", "background_psnr_behind_objects", "intervention_error_px",
        "appearance_variance_ratio", "swap_background_psnr", "swap_appearance_psnr", "probes",
    )},
}
"""What is defined -> the name in metrics.json without which nothing is said of it: most need true objects."""
_NAMES = {"copy_last": "copy last", "linear_extrapolation": "straight on"}
"""Of baselines, as README, docs and films have them."""
_MEANINGS = {
    "fg_ari": "objects told apart; best 1",
    "fg_miou": "overlap of objects and slots",
    "identity_consistency": "objects that keep their slot",
    "presence_precision": "present slots that are right",
    "presence_recall": "objects that have such a slot",
    "num_objects_accuracy": "clips with the true number of slots",
    "background_psnr_behind_objects": "what nobody sees",
    "position_r2_time_varying": "place known to pose; best 1",
    "position_r2_time_independent": "place known to appearance; best 0",
    "intervention_error_px": "moved by 5 px in the code; best 0",
    "appearance_variance_ratio": "of one object / between; best 0",
    "swap_background_psnr": "objects before another background",
    "swap_appearance_psnr": "objects with another one's looks",
}
_CURVES = ("psnr", "ssim", "mse", "mae")


def definitions(metrics: dict) -> list[str]:
    """Definitions of those figures that these metrics have."""
    names = set(_names(metrics))
    return [text for text in DEFINITIONS if _NEEDS.get(text.partition(":")[0], "psnr") in names]


def _names(section: dict) -> Iterator[str]:
    for name, value in section.items():
        yield name
        if isinstance(value, dict):
            yield from _names(value)


def write_curves(folder: Path, metrics: dict) -> None:
    """Writes one CSV per figure into `folder`: a column for the prediction and one for each baseline."""
    forecasts = {"prediction": metrics["prediction"], **metrics["baselines"]}
    for name in (*_CURVES, *(("lpips",) if "lpips" in metrics["prediction"] else ())):
        write_curve(folder / f"{name}.csv", {who: figures[f"{name}_by_step"] for who, figures in forecasts.items()})
    if "position_error" in metrics["prediction"]:
        errors = {who: figures["position_error"]["median_by_step"] for who, figures in forecasts.items()
                  if "position_error" in figures}
        write_curve(folder / "position_error.csv", errors)
    if occupancy := metrics["prediction"].get("occupancy"):
        write_reliability(folder / "occupancy.csv", occupancy)


def print_report(metrics: dict, console: Console) -> None:
    """Prints the figures, and under them how they were made."""
    protocol = metrics["protocol"]
    console.print(_forecast_table(metrics, protocol))
    if "psnr_interval" in metrics["prediction"]:
        console.print(_interval_table(metrics, protocol))
    if "fvd" in metrics["prediction"]:
        console.print(_fvd_table(metrics))
    if "diversity" in metrics["prediction"]:
        console.print(_samples_table(metrics["prediction"], protocol))
    console.print(_layers_table(metrics))
    if surprise := metrics.get("surprise"):
        console.print(_surprise_table(surprise))
    if probes := metrics.get("disentanglement", {}).get("probes"):
        console.print(_probes_table(probes))
    console.print(
        f"{protocol['num_clips']} clips of the {protocol['split']} split at {protocol['resolution']}: "
        f"{protocol['context_frames']} frames given, {protocol['horizon']} forecast, {protocol['num_samples']} "
        f"samples (spread: {protocol['spread']}). Data: {protocol['data']}.", style="dim", highlight=False,
    )
    networks = [f"{name}: {protocol[name]}" for name in ("lpips", "fvd") if name in protocol]
    for definition in (*protocol["definitions"], *networks):
        console.print(f"  {definition}", style="dim", highlight=False)


def _forecast_table(metrics: dict, protocol: dict) -> Table:
    prediction, horizon = metrics["prediction"], protocol["horizon"]
    table = _table("forecast", "", "psnr", "step 1", f"step {horizon}", "moving", "ssim")
    if "position_error" in prediction:
        table.add_column("px 1", justify="right", no_wrap=True)
        table.add_column(f"px {horizon}", justify="right", no_wrap=True)
    best = prediction["best_of_samples"]
    for name, figures in {"prediction": prediction, **metrics["baselines"]}.items():
        cells = _frame_cells(figures)
        if "position_error" in figures:
            cells += [_number(figures["position_error"]["median_by_step"][step]) for step in (0, -1)]
        table.add_row(_NAMES.get(name, name), *cells, style="bold" if figures is prediction else None)
        if figures is prediction:
            if picture := figures.get("mean_picture"):
                table.add_row("  mean as one picture", *_frame_cells(picture))
            cells = [_number(best["psnr"]), "", "", "", _number(best["ssim"], 3)]
            table.add_row(f"  best of {protocol['num_samples']} samples", *cells)
            if plain := figures.get("without_carried_pictures"):
                table.add_row("  from its codes alone", *_frame_cells(plain))
    return table


def _frame_cells(figures: dict) -> list[str]:
    psnr = (figures["psnr"], figures["psnr_by_step"][0], figures["psnr_by_step"][-1])
    return [*map(_number, psnr), _number(figures.get("psnr_moving")), _number(figures["ssim"], 3)]


def _interval_table(metrics: dict, protocol: dict) -> Table:
    """Every figure of frames with its error bars, beside those of straight lines."""
    prediction, num_samples = metrics["prediction"], protocol["num_samples"]
    best, baseline = prediction["best_of_samples"], metrics["baselines"]["linear_extrapolation"]
    table = _table("error bars", "", "mean", "95 %", f"best of {num_samples}", "gap", "straight", "95 %")
    for name, decimals in (("psnr", 2), ("psnr_moving", 2), ("ssim", 3), ("mse", 1), ("mae", 1), ("lpips", 4)):
        if prediction.get(name) is None:
            continue
        ours, straight = (
            (_number(figures[name], decimals), _interval(figures[f"{name}_interval"], decimals))
            for figures in (prediction, baseline)
        )
        gained = (_number(best.get(key), decimals) for key in (name, f"{name}_gap"))
        table.add_row(name.replace("_", " "), *ours, *gained, *straight)
    return table


def _fvd_table(metrics: dict) -> Table:
    table = _table("fvd of whole clips", "", "")
    for name, figures in {"prediction": metrics["prediction"], **metrics["baselines"]}.items():
        table.add_row(_NAMES.get(name, name), _number(figures["fvd"], 1))
    return table


def _samples_table(prediction: dict, protocol: dict) -> Table:
    """Whether the samples stray as the truth does."""
    wanted_too = ["wanted"] if "calibration" in prediction else []
    headers = ["", "mean", "step 1", f"step {protocol['horizon']}", *wanted_too]
    table = _table(f"{protocol['num_samples']} samples", *headers)
    rows = []
    if calibration := prediction.get("calibration"):
        rows += [(f"coverage of the central {share} %", calibration, f"coverage_{share}",
                  _number(calibration[f"coverage_{share}_reachable"])) for share in (50, 90)]
    if nearest := prediction.get("nearest_sample_error"):
        rows.append(("nearest sample, px", {"by_step": nearest["median_by_step"]}, "", ""))
    if occupancy := prediction.get("occupancy"):
        rows.append(("occupancy, calibration error", occupancy, "calibration_error", _number(0.0)))
    diversity = prediction["diversity"]
    rows += [("apart, px", diversity, "position", ""), ("apart, psnr", diversity, "psnr", "")]
    for label, figures, name, wanted in rows:
        steps = figures[f"{name}_by_step".lstrip("_")]
        cells = [*map(_number, (figures.get(name), steps[0], steps[-1])), wanted]
        table.add_row(label, *cells[:len(headers) - 1])
    return table


def _layers_table(metrics: dict) -> Table:
    table = _table("reconstruction and layers", "", "", "")
    table.columns[2].justify = "left"
    reconstruction, compression = metrics["reconstruction"], metrics["compression"]
    for name, decimals in (("psnr", 2), ("ssim", 3)):
        beside = f"median image: {_number(reconstruction[f'median_background_{name}'], decimals)}"
        table.add_row(f"reconstruction {name}", _number(reconstruction[name], decimals), beside)
    fewer = f"{compression['ratio']:.0f} times fewer than its pixels"
    table.add_row("numbers per frame", _number(compression["floats_per_frame"], 1), fewer)
    for name, value in {**metrics.get("decomposition", {}), **metrics.get("disentanglement", {})}.items():
        if name != "probes":
            table.add_row(name, _number(value, 2 if "psnr" in name else 3), _MEANINGS.get(name, ""))
    return table


def _probes_table(probes: dict[str, dict[str, float | None]]) -> Table:
    factors = list(next(iter(probes.values())))
    table = _table("what a code knows (1 all, 0 nothing)", "", *factors)
    for code, scores in probes.items():
        table.add_row(code.replace("_", " "), *(_number(scores[factor]) for factor in factors))
    return table


def _surprise_table(surprise: dict) -> Table:
    table = _table("surprise: share of frames", "rarer than", "found", "promised")
    for name, found in surprise.items():
        if name.startswith("one_in_"):
            table.add_row(name.replace("_", " "), _number(found["share"], 4), _number(found["promised"], 4))
    return table


def _table(title: str, *headers: str) -> Table:
    table = Table(
        title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False,
        show_header=any(headers), padding=(0, 1, 0, 0),
    )
    for column, header in enumerate(headers):
        table.add_column(header, justify="right" if column else "left", no_wrap=True)
    return table


def _number(value: float | None, decimals: int = 2) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _interval(bounds: list[float] | None, decimals: int) -> str:
    return "-" if bounds is None else f"{bounds[0]:.{decimals}f}-{bounds[1]:.{decimals}f}"
