"""The printed table of what every stage cost."""

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
    for stage in stages:
        if (folder / f"{stage}.json").is_file():
            table.add_row(stage, *_cells(folder / f"{stage}.json"))
    if table.row_count:
        console.print(table)


def _cells(path: Path) -> list[str]:
    try:
        figures = json.loads(path.read_text(encoding="utf-8"))
        unit, rate = next((name.removesuffix("_per_second"), value) for name, value in figures.items()
                          if name.endswith("_per_second"))
        cuda = figures["peak_cuda_reserved_gib"]
        return [f"{figures['seconds']:.0f}", f"{figures['peak_resident_gib']:.2f}", f"{cuda:.2f}" if cuda else "-",
                f"{figures['gib_hours']:.4f}", f"{rate:,.1f} {unit}/s"]
    except (OSError, ValueError, KeyError, StopIteration, TypeError, AttributeError) as error:
        raise UserError(f"{path}: wanted the cost of a stage, found something else ({error!r}); run `dvc repro`") from error
