"""The table of single clips that the report shows."""

from dataclasses import dataclass

from pipeline.evaluation.per_clip import Row

NUM_ROWS = 40
"""Most rows of the table; of more clips half of them each from both ends."""
_COLUMNS = {
    "psnr": ("forecast", 2), "mean_picture_psnr": ("mean of the samples", 2),
    "psnr_moving": ("forecast of what moves", 2),
    "copy_last_psnr": ("copy of the last frame", 2), "flow_psnr": ("optical flow", 2),
    "linear_extrapolation_psnr": ("straight on", 2), "objects": ("objects", 0), "motion": ("pixels that move, %", 1),
}
"""Column of per_clip.csv -> title and decimals."""
_PERCENT = {"motion"}


@dataclass(frozen=True)
class ClipTable:
    """rows: a clip's name, its figures (None: not known) and whether a copy of the last frame is nearer to the
    truth."""

    columns: list[str]
    decimals: list[int]
    rows: list[tuple[str, list[float | None], bool]]
    num_left_out: int


def clip_table(rows: list[Row], num_rows: int = NUM_ROWS) -> ClipTable:
    """The table that is shown. rows: as per_clip.csv has them, the worst first."""
    ends = num_rows // 2
    shown = rows if len(rows) <= num_rows else [*rows[:ends], *rows[len(rows) - ends:]]
    named = [_COLUMNS[name] for name in _COLUMNS if shown and name in shown[0]]
    return ClipTable(
        [title for title, _ in named], [decimals for _, decimals in named],
        [_row(row) for row in shown], len(rows) - len(shown),
    )


def _row(row: Row) -> tuple[str, list[float | None], bool]:
    cells = [_figure(row, name) for name in _COLUMNS if name in row]
    ours, copied = _figure(row, "psnr"), _figure(row, "copy_last_psnr")
    return f"{row['video_id']} from frame {row['first_frame']}", cells, bool(ours and copied and ours < copied)


def _figure(row: Row, name: str) -> float | None:
    value = row[name]
    return None if value is None else float(value) * (100 if name in _PERCENT else 1)
