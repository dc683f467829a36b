"""Data of curves, over the forecast's steps or its probabilities, in the form that `dvc plots` reads."""

import csv
from pathlib import Path

from pipeline.errors import writing


def write_curve(path: Path, columns: dict[str, list[float | None]]) -> None:
    """Writes one row per step: column `step` from 1, then `columns` (name -> one value per step; None is left
    empty)."""
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", *columns])
        for step, values in enumerate(zip(*columns.values(), strict=True), 1):
            writer.writerow([step, *("" if value is None else f"{value:.6g}" for value in values)])


def write_reliability(path: Path, figures: dict) -> None:
    """Writes one row per bin that has cases, of figures as metrics.occupancy gives them: the mean forecast, what came
    true, and the number of cases."""
    bins = zip(*(figures[f"{name}_by_bin"] for name in ("forecast", "came_true", "cases")), strict=True)
    with writing(path), path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["forecast", "came_true", "cases"])
        writer.writerows([f"{forecast:.6g}", f"{came:.6g}", cases] for forecast, came, cases in bins if cases)
