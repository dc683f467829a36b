"""Picks the figures of metrics.json that the report shows, with what they mean."""

from dataclasses import dataclass

from pipeline.report.charts import Line

FORECASTS = {
    "prediction": "layercast", "linear_extrapolation": "straight on", "copy_last": "copy of the last frame",
    "flow": "optical flow",
}
"""Who forecasts, by the names of metrics.json; always in this order and colour."""
_CURVES = {
    "psnr": ("Likeness (PSNR)", "psnr, dB", "Higher is better. The future gets harder with every step."),
    "ssim": ("Likeness of structure (SSIM)", "ssim", "Higher is better; 1 is the truth itself."),
    "lpips": ("Perceived difference (LPIPS)", "lpips", "Lower is better."),
}
_COLUMNS = (
    ("psnr", "PSNR, dB", 2), ("psnr_moving", "PSNR of what moves, dB", 2), ("ssim", "SSIM", 3), ("lpips", "LPIPS", 3),
)
"""Figure, title, decimals."""
_LAYER_FIGURES = {
    "decomposition.fg_miou": ("overlap of true objects and found ones", "1"),
    "decomposition.fg_ari": ("objects told apart", "1"),
    "decomposition.identity_consistency": ("objects that keep their slot through the clip", "1"),
    "decomposition.num_objects_accuracy": ("clips in which the number of objects is right", "1"),
    "decomposition.background_psnr_behind_objects": ("background where objects hide it, dB", "high"),
    "disentanglement.intervention_error_px": ("error of an object moved by 5 px through its code, px", "0"),
    "disentanglement.appearance_variance_ratio": ("how much an object's looks differ between halves of a clip", "0"),
    "disentanglement.swap_background_psnr": ("objects drawn over another clip's background, dB", "high"),
    "reconstruction.psnr": ("clips decoded from their codes, dB", "high"),
    "compression.floats_per_frame": ("numbers that stand for a frame", "few"),
}


_SAMPLE_FIGURES = {
    "calibration.coverage_50": ("truth between the middle half of the samples", "calibration.coverage_50_reachable"),
    "calibration.coverage_90": ("truth between nearly all of the samples", "calibration.coverage_90_reachable"),
    "occupancy.calibration_error": ("how far probabilities of places are from what came true", None),
    "diversity.position": ("distance of an object between two samples, px", None),
    "diversity.psnr": ("likeness of two samples, dB", None),
}


@dataclass(frozen=True)
class Curve:
    title: str
    unit: str
    caption: str
    lines: list[Line]
    over: str = "forecast step"
    """What is counted 1, 2, ... along the curve."""


@dataclass(frozen=True)
class ForecastRow:
    """One line of the table of forecasts: name and, by column, the figure and its margin (None: not known)."""

    name: str
    is_ours: bool
    cells: list[tuple[float | None, float | None, int]]
    """Value, margin, decimals."""


def forecasts(metrics: dict) -> dict[str, dict]:
    """Name to show -> figures, layercast first."""
    sections = {"prediction": metrics["prediction"], **metrics["baselines"]}
    order = [name for name in dict.fromkeys([*FORECASTS, *sections]) if name in sections]
    return {FORECASTS.get(name, name.replace("_", " ")): sections[name] for name in order}


def headline(metrics: dict) -> dict[str, tuple[float, float | None]]:
    """Who forecasts -> psnr, psnr of what moves (None: not known)."""
    return {name: (figures["psnr"], figures.get("psnr_moving")) for name, figures in forecasts(metrics).items()}


def forecast_table(metrics: dict) -> tuple[list[str], list[ForecastRow]]:
    """Columns and rows: layercast, its variants, the baselines."""
    horizon = metrics["protocol"]["horizon"]
    steps = ((0, "PSNR, step 1"), (-1, f"PSNR, step {horizon}")) if horizon > 1 else ()
    plain = [column for column in _COLUMNS if column[0] in metrics["prediction"]]
    has_places = "position_error" in metrics["prediction"]
    columns = [title for _, title, _ in plain] + [title for _, title in steps]
    if has_places:
        columns.append(f"position error at step {horizon}, px")
    rows = []

    def add(name: str, figures: dict, is_ours: bool) -> None:
        cells = [(figures.get(key), margin(figures, key), decimals) for key, _, decimals in plain]
        cells += [(figures["psnr_by_step"][i] if "psnr_by_step" in figures else None, None, 2) for i, _ in steps]
        if has_places:
            errors = figures.get("position_error")
            cells.append((errors["median_by_step"][-1] if errors else None, None, 2))
        rows.append(ForecastRow(name, is_ours, cells))

    for name, figures in forecasts(metrics).items():
        is_ours = figures is metrics["prediction"]
        add(name, figures, is_ours)
        if is_ours:
            num_samples = metrics["protocol"]["num_samples"]
            if "mean_picture" in figures:
                add(f"mean of {num_samples} samples as one picture", figures["mean_picture"], False)
            add(f"best of {num_samples} samples", figures["best_of_samples"], False)
            if "without_carried_pictures" in figures:
                add("from its codes alone", figures["without_carried_pictures"], False)
    return columns, rows


def margin(figures: dict, name: str) -> float | None:
    """Half the width of the figure's interval, where metrics.json has one."""
    interval = figures.get(f"{name}_interval")
    return None if interval is None else (interval[1] - interval[0]) / 2


def curves(metrics: dict) -> list[Curve]:
    """Curves over the forecast's steps, as far as there are figures."""
    made = []
    for name, (title, unit, caption) in _CURVES.items():
        if f"{name}_by_step" in metrics["prediction"]:
            lines = [Line(who, figures[f"{name}_by_step"]) for who, figures in forecasts(metrics).items()]
            made.append(Curve(title, unit, caption, lines))
    if "position_error" in metrics["prediction"]:
        lines = [Line(who, figures["position_error"]["median_by_step"]) for who, figures in forecasts(metrics).items()
                 if "position_error" in figures]
        caption = "Lower is better; 0 is the true place. Half of the objects are nearer than this."
        made.append(Curve("Where objects go", "median position error, px", caption, lines))
    if occupancy := metrics["prediction"].get("occupancy"):
        lines = [Line("came true", occupancy["came_true_by_bin"]), Line("forecast", occupancy["forecast_by_bin"])]
        caption = ("Of the pixels at which an object was said to be with a probability of up to a tenth, two tenths "
                   "and so on: how often it was there. Both lines are one where the forecast is as sure as it may be.")
        made.append(Curve("How sure it is of places", "share", caption, lines, "tenth of the probability"))
    return made


def layer_figures(metrics: dict) -> list[tuple[str, float | None, str]]:
    """Meaning, value, best value, as far as there are figures."""
    return [(meaning, metrics[section][figure], best) for name, (meaning, best) in _LAYER_FIGURES.items()
            for section, figure in [name.split(".")] if figure in metrics.get(section, {})]


def sample_figures(metrics: dict) -> list[tuple[str, float | None, float | None]]:
    """Meaning, value, what it would be if the truth were one more sample; empty where a clip has one sample only."""
    def find(name: str) -> float | None:
        section, _, figure = name.partition(".")
        return metrics["prediction"].get(section, {}).get(figure)

    known = _SAMPLE_FIGURES.items()
    rows = [(meaning, find(name), find(wanted) if wanted else None) for name, (meaning, wanted) in known]
    return [row for row in rows if row[1] is not None]


def probe_table(metrics: dict) -> dict[str, dict[str, float | None]]:
    """Code -> factor -> how much a simple model can read of the factor from the code; empty without ground truth."""
    probes = metrics.get("disentanglement", {}).get("probes", {})
    return {code.replace("_", " "): scores for code, scores in probes.items()}


def other_figures(metrics: dict) -> list[tuple[str, str]]:
    """Every number of metrics.json by its path, in order; a dash for one that is not known."""
    found = []

    def walk(prefix: str, value: object) -> None:
        if isinstance(value, dict):
            for name, item in value.items():
                walk(f"{prefix}.{name}" if prefix else name, item)
        elif isinstance(value, list) and value and all(isinstance(item, float | int | None) for item in value):
            found.append((prefix, " ".join("–" if item is None else f"{item:.5g}" for item in value)))
        elif value is None:
            found.append((prefix, "–"))
        elif isinstance(value, float | int):
            found.append((prefix, f"{value:.6g}"))

    walk("", {name: section for name, section in metrics.items() if name != "protocol"})
    return found
