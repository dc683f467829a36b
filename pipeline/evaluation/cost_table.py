"""What every stage cost: read, and printed as a table."""

import json
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from pipeline.errors import UserError


def print_costs(folder: Path, stages: tuple[str, ...], console: Console) -> None:
    """Prints STAGE.json of `folder` for those `stages` that have one. Raises UserError when one is unreadable."""
    table = Table(title="cost", title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("stage", "seconds", "RAM GiB", "CUDA GiB", "GiB x h", "rate"):
        table.add_column(column, justify="left" if column == "stage" else "right", no_wrap=True)
    for stage, figures in read_costs(folder, stages).items():
        table.add_row(stage, *_cells(figures))
    if table.row_count:
        console.print(table)


def read_costs(folder: Path, stages: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """The figures in STAGE.json of `folder`, for those `stages` that have one. Raises UserError when one cannot be
    read."""
    files = {stage: folder / f"{stage}.json" for stage in stages}
    return {stage: _read(path) for stage, path in files.items() if path.is_file()}


def _read(path: Path) -> dict[str, float]:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        _cells(figures)
        return figures
    except (OSError, ValueError, KeyError, StopIteration, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: wanted the cost of a stage, found something else ({error!r}); run `dvc repro`"
        ) from error


def _cells(figures: dict[str, float]) -> list[str]:
    unit, rate = next((name.removesuffix("_per_second"), value) for name, value in figures.items()
                      if name.endswith("_per_second"))
    cuda = figures["peak_cuda_reserved_gib"]
    return [f"{figures['seconds']:.0f}", f"{figures['peak_resident_gib']:.2f}", f"{cuda:.2f}" if cuda else "-",
            f"{figures['gib_hours']:.4f}", f"{rate:,.1f} {unit}/s"]
