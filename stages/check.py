"""Checks params.yaml before a long run: every key of every section, and what the sections must agree on."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import one_line_errors
from pipeline.params import load
from pipeline.settings.settings import check_settings


def main(
    params: Annotated[Path, typer.Option(help="File with the sections of all stages.")] = Path("params.yaml"),
) -> None:
    """Checks the parameters of all stages at once, in less than a second; no stage of the pipeline."""
    with one_line_errors():
        check_settings(params, load(params))
        print(f"{params}: every section is valid")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
