"""Checks params.yaml before a long run: every key of every section, what the sections must agree on, and whether the
source is there."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import UserError, one_line_errors
from pipeline.params import load
from pipeline.settings.own_source import DEMONSTRATION
from pipeline.settings.settings import check_settings


def check_source(params: Path, written: str) -> None:
    """Looks whether preprocess.source, as it is written there, is a file or folder, or one that the pipeline is still
    to make, which is said on stderr. Raises UserError."""
    source, what = Path(written), f"{params}: preprocess.source is {written}"
    try:
        if source.is_file() or source.is_dir():
            return
    except OSError as error:
        raise UserError(f"{what}: {error.strerror}; see to it, or set the key to another path") from error
    if source == DEMONSTRATION / "videos" and (DEMONSTRATION / "dvc.yaml").is_file():
        print(f"{what}, which is not there yet: the stage sprites draws it", file=sys.stderr)
    elif source.with_name(source.name + ".dvc").is_file():
        raise UserError(f"{what}, which is not there, but known to DVC; `dvc pull {source}.dvc` brings it")
    else:
        raise UserError(f"{what}, which is not there; set it to a folder of videos, a video or an array")


def main(
    params: Annotated[Path, typer.Option(help="File with the sections of all stages.")] = Path("params.yaml"),
) -> None:
    """Checks the parameters of all stages at once, in less than a second, and whether the source is there; no stage of
    the pipeline."""
    with one_line_errors():
        document = load(params)
        check_settings(params, document)
        assert isinstance(document, dict), "checked"
        check_source(params, document["preprocess"]["source"])
        print(f"{params}: every section is valid")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
