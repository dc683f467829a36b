"""Shows what is in a store (no stage of the pipeline; changes nothing)."""

import re
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.errors import UserError, one_line_errors
from pipeline.inspection.codes import code_statistics, presence_histogram
from pipeline.inspection.comparison import common_rows, differences
from pipeline.inspection.facts import StoreFacts, find_row, kind_of, read_facts
from pipeline.inspection.tables import print_codes, print_comparison, print_facts
from pipeline.latents import pose as poses
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from pipeline.latents.latents import Latents
from pipeline.pictures.grid import write_png
from pipeline.pictures.layers import layers_of_clip
from pipeline.pictures.sheets import layers_sheet
from pipeline.pictures.tracks import tracks_sheet
from pipeline.pictures.trajectories import write_trajectories
from pipeline.provenance import check_made_from
from pipeline.thresholds import IN_VIEW, PRESENT
from pipeline.zarr_io import verify


def has_codes(facts: StoreFacts) -> bool:
    return facts.kind.endswith("latents")


def compare(here: StoreFacts, there: StoreFacts, console: Console) -> None:
    """Raises UserError when a store is damaged."""
    both = (code_statistics(here.group), code_statistics(there.group)) if has_codes(here) and has_codes(there) else None
    print_comparison(here, there, len(common_rows(here, there)[0]), differences(here, there), both, console)


def draw(facts: StoreFacts, sequence: str, autoencoder: Path, pictures: Path, console: Console) -> None:
    """Writes the trajectories of a sequence and, where the autoencoder's weights are at hand, its tracks and layers.
    Raises UserError when there is no such sequence, or the weights are others than those that made it."""
    if not has_codes(facts):
        raise UserError(f"{facts.path}: holds frames; wanted latents or predicted latents for --sequence")
    row = find_row(facts, sequence)
    store = (open_latents if facts.kind == "latents" else open_predicted_latents)(facts.path)
    latents = store.read(np.array([row]))
    title = f"{store.video_id[row]} from frame {store.first_frame[row]}"
    name = re.sub(r"[^\w.-]+", "_", f"{store.video_id[row]}_{store.first_frame[row]}")
    model = None
    if autoencoder.exists():
        model, weights = load_autoencoder(autoencoder)
        check_made_from(facts.path, store.made_from, "autoencoder", autoencoder, weights.identity)
    pictures.mkdir(parents=True, exist_ok=True)
    drawn = [pictures / f"{name}_trajectories.png"]
    num_given = facts.attributes.get("context_frames")
    write_trajectories(drawn[0], latents, num_given, title)
    if len(latents) > 1:
        title += ", sample 1"
    if model:
        drawn += draw_layers(model, latents.map(lambda code: code[:1]), pictures / name, title, num_given)
    for path in drawn:
        console.print(str(path), highlight=False, soft_wrap=True)
    if not model:
        console.print(f"no tracks and layers: no weights at {autoencoder}", highlight=False, soft_wrap=True)


@torch.inference_mode()
def draw_layers(
    model: Autoencoder, latents: Latents, prefix: Path, title: str, num_given: int | None,
) -> list[Path]:
    """One sequence: where its objects go, over the middle frame as decoded, and what the codes are decoded to, nothing
    mixed to it; num_given: frames before a forecast starts."""
    layers = layers_of_clip(model.eval().decode(latents), 0)
    pose, present = latents.pose[0].numpy(), latents.presence[0].numpy() > PRESENT
    in_view = (poses.visibility(pose) > IN_VIEW) & present
    tracks, sheet = (prefix.with_name(f"{prefix.name}_{what}.png") for what in ("tracks", "layers"))
    middle = layers.frames[len(layers.frames) // 2]
    write_png(tracks, tracks_sheet(middle, poses.place(pose), in_view, None, None, title, "decoded from codes"))
    write_png(sheet, layers_sheet(None, layers, title, num_given))
    return [tracks, sheet]


def main(
    store: Annotated[Path, typer.Argument(help="Store to look into.")] = Path("data/latents.zarr"),
    sequence: Annotated[str | None, typer.Option(help="Draw this one: VIDEO or VIDEO:FIRST_FRAME.")] = None,
    compare_with: Annotated[Path | None, typer.Option("--compare", help="Store to set beside it.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Verify every byte and stop.")] = False,
    autoencoder: Annotated[Path, typer.Option(help="Weights to draw with.")] = Path("data/autoencoder.safetensors"),
    pictures: Annotated[Path, typer.Option(help="Folder that --sequence draws into.")] = Path("data/inspection"),
) -> None:
    """Shows what is in a store: where it comes from, its arrays, and what its codes are like."""
    console = Console()
    with one_line_errors():
        if check:
            num_files = verify(store, kind_of(store))
            text = f"{store}: complete, {num_files} files, every byte as it was written"
            console.print(text, highlight=False, soft_wrap=True)
            return
        facts = read_facts(store)
        if sequence is not None:
            draw(facts, sequence, autoencoder, pictures, console)
        elif compare_with is not None:
            compare(facts, read_facts(compare_with), console)
        else:
            print_facts(facts, console)
            if has_codes(facts):
                print_codes(code_statistics(facts.group), presence_histogram(facts.group), console)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
