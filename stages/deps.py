"""Writes into dvc.yaml which files each stage depends on, after a change of imports."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.dependencies.deps import write_deps
from pipeline.errors import one_line_errors

DVC_FILES = [Path("dvc.yaml"), Path("data/sprites/dvc.yaml")]


def main(
    dvc_files: Annotated[list[Path], typer.Argument(help="Files to mend.")] = DVC_FILES,
) -> None:
    """Lists under `deps` exactly the files that each stage imports, the rest untouched, and says what changed; no stage
    of the pipeline."""
    with one_line_errors():
        for dvc_file in dvc_files:
            for change in write_deps(dvc_file):
                print(f"{dvc_file}: {change}")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
