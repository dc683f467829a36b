"""Shows what is in a store (no stage of the pipeline; changes nothing)."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.errors import UserError, one_line_errors, writing
from pipeline.inspection.codes import code_statistics, presence_histogram
from pipeline.inspection.comparison import common_rows, differences
from pipeline.inspection.draw import draw
from pipeline.inspection.facts import StoreFacts, find_rows, has_codes, kind_of, read_facts
from pipeline.inspection.span import beside, span_of
from pipeline.inspection.tables import print_codes, print_comparison, print_facts
from pipeline.pictures.grid import write_png
from pipeline.tracks_export.export import export_tracks
from pipeline.zarr_io import verify


def compare(here: StoreFacts, there: StoreFacts, console: Console) -> None:
    """Raises UserError when a store is damaged."""
    both = (code_statistics(here.group), code_statistics(there.group)) if has_codes(here) and has_codes(there) else None
    print_comparison(here, there, len(common_rows(here, there)[0]), differences(here, there), both, console)


def write_pictures(
    facts: StoreFacts, sequence: str, compared: StoreFacts | None, autoencoder: Path, folder: Path, console: Console,
) -> None:
    """Draws a sequence, all those of a video, or the same frames as two stores have them. Raises UserError when there
    is no such sequence, a store is damaged, or the weights are others than those that made the codes."""
    span = span_of(facts, sequence)
    drawings = draw([span] if compared is None else [span, beside(span, compared)], autoencoder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    for name, drawing in drawings.pictures.items():
        write_png(folder / name, drawing)
        console.print(str(folder / name), highlight=False, soft_wrap=True)
    for text in drawings.left_out:
        console.print(text, highlight=False, soft_wrap=True)


def main(
    store: Annotated[Path, typer.Argument(help="Store to look into.")] = Path("data/latents.zarr"),
    sequence: Annotated[str | None, typer.Option(
        help="Draw it, or export it alone: VIDEO:FIRST_FRAME, or VIDEO for all of its sequences.",
    )] = None,
    compare_with: Annotated[
        Path | None, typer.Option("--compare", help="Store to set beside it; with --sequence, to draw over it.")
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Verify every byte and stop.")] = False,
    export: Annotated[Path | None, typer.Option(
        help="Write tracks in pixels and frames of the source videos: .csv (a table), .json (COCO, boxes and masks) or "
             ".txt (MOT challenge; several videos: a folder).",
    )] = None,
    sample: Annotated[int | None, typer.Option(help="With --export, of forecasts this one; all, if not said.")] = None,
    autoencoder: Annotated[Path, typer.Option(help="Weights to draw with.")] = Path("data/autoencoder.safetensors"),
    pictures: Annotated[Path, typer.Option(help="Folder that --sequence draws into.")] = Path("data/inspection"),
) -> None:
    """Shows what is in a store: where it comes from, its arrays, and what its codes are like; or exports its tracks."""
    console = Console()
    with one_line_errors():
        if check:
            num_files = verify(store, kind_of(store))
            text = f"{store}: complete, {num_files} files, every byte as it was written"
            console.print(text, highlight=False, soft_wrap=True)
            return
        if export is not None and compare_with is not None:
            raise UserError("--export: writes the tracks of one store; leave out --compare")
        if sample is not None and export is None:
            raise UserError(f"--sample {sample}: says what --export writes; give --export FILE as well")
        facts, compared = read_facts(store), read_facts(compare_with) if compare_with is not None else None
        if export is not None:
            rows = None if sequence is None else find_rows(facts, sequence)
            console.print(export_tracks(facts, autoencoder, export, rows, sample), highlight=False, soft_wrap=True)
        elif sequence is not None:
            write_pictures(facts, sequence, compared, autoencoder, pictures, console)
        elif compared is not None:
            compare(facts, compared, console)
        else:
            print_facts(facts, console)
            if has_codes(facts):
                print_codes(code_statistics(facts.group), presence_histogram(facts.group), console)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
