"""What people see of an evaluation: metrics.json, the curves, and the printed table with its protocol.

`metrics` is the dict that metrics.json holds: sections protocol, reconstruction, prediction, baselines, compression
and, where there was ground truth, decomposition and disentanglement.
"""

import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.metrics.plots import write_curve

# A list, not a dict: `dvc metrics show` makes a column of every string it finds, but leaves lists alone.
DEFINITIONS = [
    "psnr: dB, data range 1, over all pixels and channels of a frame, averaged over frames",
    "ssim: torchmetrics' defaults (Gaussian window 11 px, sigma 1.5), data range 1, averaged over frames",
    "mse: sum of squared errors over the pixels and channels of a frame on [0, 1], averaged over frames",
    "mae: sum of absolute errors over the pixels and channels of a frame on [0, 1], averaged over frames",
    "prediction: mean over samples; best_of_samples: per clip the sample that is best by that figure",
    "position_error: px, distance of the matched slot's centre to the true one, objects in view",
    "fg_ari: adjusted Rand index over true foreground pixels, per frame; clips with two or more objects",
    "fg_miou: objects matched to slots once per clip, intersection over union over the clip; unmatched 0",
    "identity_consistency: share of (object, frame) pairs whose best-overlapping slot is the object's of the clip",
    "position_r2: ridge probes fitted on every second video of the test split, scored on the others",
]
_CURVES = ("psnr", "ssim", "mse", "mae")


def write_metrics(path: Path, metrics: dict) -> None:
    """Writes metrics.json, floats to 6 decimals."""
    path.write_text(json.dumps(_rounded(metrics), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def write_curves(folder: Path, metrics: dict) -> None:
    """Writes one CSV per figure into `folder`: a column for the prediction and one for each baseline."""
    forecasts = {"prediction": metrics["prediction"], **metrics["baselines"]}
    for name in _CURVES:
        write_curve(folder / f"{name}.csv", {who: figures[f"{name}_by_step"] for who, figures in forecasts.items()})
    if "position_error" in metrics["prediction"]:
        errors = {who: figures["position_error"]["median_by_step"] for who, figures in forecasts.items()}
        write_curve(folder / "position_error.csv", errors)


def print_report(metrics: dict, console: Console) -> None:
    """Prints the figures, and under them how they were made."""
    protocol = metrics["protocol"]
    console.print(_forecast_table(metrics, protocol["num_samples"]))
    console.print(_layers_table(metrics))
    console.print(
        f"{protocol['num_clips']} clips of the {protocol['split']} split at {protocol['resolution']}: "
        f"{protocol['context_frames']} frames given, {protocol['horizon']} forecast, {protocol['num_samples']} "
        f"samples. Data: {protocol['data']}.", style="dim", highlight=False,
    )
    for definition in protocol["definitions"]:
        console.print(f"  {definition}", style="dim", highlight=False)


def _forecast_table(metrics: dict, num_samples: int) -> Table:
    table = Table(title="forecast", title_justify="left")
    table.add_column("")
    places = "position_error" in metrics["prediction"]
    names = ["psnr", "psnr, step 1", "psnr, last step", "ssim", "mse"]
    for name in [*names, *(["px off, step 1", "px off, last step"] if places else [])]:
        table.add_column(name, justify="right")
    prediction = metrics["prediction"]
    for label, figures in {f"mean of {num_samples} samples": prediction, **metrics["baselines"]}.items():
        psnr = figures["psnr_by_step"]
        cells = [f"{value:.2f}" for value in (figures["psnr"], psnr[0], psnr[-1])]
        cells += [f"{figures['ssim']:.3f}", f"{figures['mse']:.1f}"]
        if places:
            cells += [_number(figures["position_error"]["median_by_step"][step]) for step in (0, -1)]
        table.add_row(label.replace("_", " "), *cells, style="bold" if figures is prediction else None)
        if figures is prediction:
            best = prediction["best_of_samples"]
            cells = [f"{best['psnr']:.2f}", "", "", f"{best['ssim']:.3f}", f"{best['mse']:.1f}"]
            table.add_row(f"best of {num_samples} samples", *cells)
    return table


def _layers_table(metrics: dict) -> Table:
    table = Table(title="reconstruction and layers", title_justify="left")
    table.add_column("")
    table.add_column("value", justify="right")
    table.add_column("beside it")
    reconstruction, compression = metrics["reconstruction"], metrics["compression"]
    table.add_row(
        "reconstruction psnr", f"{reconstruction['psnr']:.2f}",
        f"median image of the sequence: {reconstruction['median_background_psnr']:.2f}",
    )
    table.add_row(
        "reconstruction ssim", f"{reconstruction['ssim']:.3f}",
        f"median image of the sequence: {reconstruction['median_background_ssim']:.3f}",
    )
    fewer = f"{compression['ratio']:.0f} times fewer than in its pixels"
    table.add_row("numbers per frame", f"{compression['floats_per_frame']:.1f}", fewer)
    for section in ("decomposition", "disentanglement"):
        for name, value in metrics.get(section, {}).items():
            table.add_row(name, _number(value, 3), section)
    return table


def _number(value: float | None, decimals: int = 2) -> str:
    return "-" if value is None else f"{value:.{decimals}f}"


def _rounded(value):
    if isinstance(value, dict):
        return {name: _rounded(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
