"""Lists the runs that were interrupted, or removes what they left (no stage of the pipeline)."""

import time
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.errors import UserError, one_line_errors
from pipeline.resume.folders import list_interrupted, remove, resume_root


def main(
    remove_names: Annotated[
        list[str] | None, typer.Option("--remove", help="A name from the list, or all; may be repeated.")
    ] = None,
) -> None:
    """Shows every run that the next `dvc repro` with the same parameters, inputs and code will go on from."""
    with one_line_errors():
        found = list_interrupted()
        unknown = set(remove_names or ()) - {folder.name for folder in found} - {"all"}
        if unknown:
            raise UserError(
                f"{resume_root()}: holds no {sorted(unknown)[0]!r}; `python -m stages.resume` lists what it holds"
            )
        if not remove_names:
            show(found)
        for folder in found:
            if {"all", folder.name} & set(remove_names or ()):
                print(f"{folder.name}: {'removed' if remove(folder.path) else 'kept, a process is at it'}")


def show(found: list) -> None:
    table = Table("name", "MB", "last written", "state", box=None)
    for folder in found:
        written = time.strftime("%Y-%m-%d %H:%M", time.localtime(folder.last_written))
        table.add_row(folder.name, f"{folder.num_bytes / 1e6:.1f}", written, "running" if folder.in_use else "waiting")
    if found:
        Console().print(table)
    else:
        print(f"{resume_root()}: no interrupted run")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
