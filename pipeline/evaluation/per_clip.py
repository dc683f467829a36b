"""per_clip.csv: the figures of every forecast clip beside what stands for it, those that went worst first."""

import csv
import io
import math
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.forecast_clips import ForecastClips
from pipeline.write_file import write_file

NAMES = ("video_id", "first_frame")
Row = dict[str, str | int | float | None]
"""NAMES, then figures; None: not known."""


def per_clip_rows(clips: ForecastClips, figures: dict[str, np.ndarray]) -> list[Row]:
    """The rows of the table, low psnr first. figures: values [n] of the n clips by column; NaN: there is none."""
    rows: list[Row] = []
    for i in np.argsort(figures["psnr"], kind="stable"):
        known = {name: None if math.isnan(values[i]) else values[i].item() for name, values in figures.items()}
        rows.append({"video_id": str(clips.video_id[i]), "first_frame": int(clips.first_frame[i]), **known})
    return rows


def write_per_clip(path: Path, rows: list[Row]) -> None:
    """Writes the table in one step; what is not known is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0])
    for row in rows:
        writer.writerow("" if x is None else f"{x:.6g}" if isinstance(x, float) else x for x in row.values())
    write_file(path, text.getvalue().encode())


def read_per_clip(path: Path, names: list[tuple[str, int]]) -> list[Row]:
    """What write_per_clip wrote. Raises UserError when it is missing, damaged or not about the clips of these names
    (video_id, first_frame)."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [_row(line) for line in csv.DictReader(file, strict=True)]
        found = sorted(tuple(row[name] for name in NAMES) for row in rows)
    except (OSError, ValueError, LookupError, TypeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read ({error}); run `dvc repro`") from error
    if found != sorted(names):
        raise UserError(f"{path}: is about other clips than the forecast; run `dvc repro`")
    return rows


def _row(line: dict[str, str]) -> Row:
    figures = {name: float(text) if text else None for name, text in line.items() if name not in NAMES}
    return {"video_id": line["video_id"], "first_frame": int(line["first_frame"]), **figures}
