"""Looks at videos and says which parameters fit them, with reasons; writes them into params.yaml if asked."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import one_line_errors, writing
from pipeline.params import load, validate
from pipeline.pictures.grid import write_png
from pipeline.settings.own_source import lasting_path, next_steps
from pipeline.settings.preset import apply_values
from pipeline.settings.settings import Settings
from pipeline.suggestion.picture import draw_suggestion
from pipeline.suggestion.suggest import as_document, suggest
from pipeline.suggestion.table import print_suggestions
from pipeline.suggestion.thresholds import Thresholds
from pipeline.warn import warn


def main(
    source: Annotated[Path, typer.Argument(
        help="Whatever preprocess.source may be: a folder of videos, a video, arrays.",
    )],
    write: Annotated[bool, typer.Option("--write", help="Change the parameters in the file, too.")] = False,
    picture: Annotated[Path, typer.Option(help="PNG to draw: what was seen.")] = Path("data/suggestion.png"),
    seconds: Annotated[float, typer.Option(min=1, help="About how long to look.")] = 60,
    params: Annotated[Path, typer.Option(help="File with the sections of all stages.")] = Path("params.yaml"),
) -> None:
    """Looks at videos for at most a minute and says which parameters fit them; no stage of the pipeline."""
    with one_line_errors():
        settings = validate(params, load(params), Settings)
        preprocess = settings.preprocess.model_copy(update={"source": lasting_path(source)})
        found = suggest(preprocess, settings, seconds, Thresholds())
        print_suggestions(found.suggestions)
        with writing(picture):
            picture.parent.mkdir(parents=True, exist_ok=True)
        write_png(picture, draw_suggestion(found.motion, str(source)))
        print(f"{picture}: what was seen")
        if write:
            changes = apply_values(as_document(found.suggestions), params, params)
            print(f"{params}: {len(changes)} values changed, every section is valid")
            for step in next_steps(preprocess.source):
                print(step)
        else:
            print(f"nothing is changed; --write puts these into {params}")
        warn(found.worries)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
