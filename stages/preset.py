"""Sets params.yaml to the published protocol of a data set, or to whatever else presets/ holds."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import one_line_errors
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.params import read_section
from pipeline.settings.own_source import next_steps
from pipeline.settings.preset import apply_preset, find_preset


def main(
    name: Annotated[str, typer.Argument(help="Name of a file in the folder of presets, such as kth.")],
    params: Annotated[Path, typer.Option(help="File to change.")] = Path("params.yaml"),
    presets: Annotated[Path, typer.Option(help="Folder of presets.")] = Path("presets"),
) -> None:
    """Writes the values of a preset into params.yaml, comments untouched, and says what changed; no stage of the
    pipeline."""
    with one_line_errors():
        preset = find_preset(presets, name)
        for change in apply_preset(preset, params):
            print(change)
        print(f"{params}: set as in {preset}, which says where its data come from")
        for step in next_steps(read_section(params, "preprocess", PreprocessParams).source):
            print(step)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
