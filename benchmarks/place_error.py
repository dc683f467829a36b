"""How sure may a future be of places? Fits block.PLACE_ERROR_PX on the validation split of the run in data/.

    python -m benchmarks.place_error

A predictor learns from clips taken apart as a whole; what it continues is a context taken apart alone, whose tracks lie
a little elsewhere. Encodes the contexts of the validation clips alone, and prints for several errors how surprised the
predictor is by where the whole clips say that objects went: nats per object and frame, with the error added to the
spread of x and y. The least surprised one is the one to take. Half a minute on 2 cores.
"""

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import ROOT, file_name
from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.errors import one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_unit
from pipeline.latents.latent_store import LatentStore, open_latents
from pipeline.latents.latents import Latents, concatenate
from pipeline.latents.matching import in_order_of
from pipeline.predictor.block import PLACE_ERROR_PX, Block, unsure_of_place
from pipeline.predictor.context import NUM_OF_PLACE
from pipeline.predictor.losses import surprise
from pipeline.predictor.predictor import load_predictor
from pipeline.provenance import match_rows

ERRORS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.8, 1.0)


def validation_clips(
    store: FrameStore, encoded: LatentStore, model: Autoencoder, given: int, horizon: int, batch_size: int,
) -> tuple[Latents, Latents]:
    """The first clip of each validation sequence: its context taken apart alone, and what came after, by the whole."""
    rows, contexts = store.rows("val"), []
    for part in np.array_split(rows, -(-len(rows) // batch_size)):
        contexts.append(model.encode(to_unit(store.read(part)[:, :given])))
    context = concatenate(contexts)
    whole = encoded.read(match_rows(encoded, store.path, store.video_id[rows], store.first_frame[rows]))
    return context, in_order_of(context, whole.frames(0, given + horizon)).frames(given, given + horizon)


def surprise_by_error(block: Block, target: Latents) -> dict[float, float]:
    """Nats per object and frame for each of ERRORS."""
    share, found = target.presence.mean(), {}
    for error in ERRORS:
        unsure = block._replace(place_spread=unsure_of_place(block.place_spread, error))
        found[error] = (NUM_OF_PLACE * surprise(unsure, target)["objects"] / share).item()
    return found


def main(
    data: Annotated[Path, typer.Option(help="Folder of a finished run.")] = ROOT / "data",
    batch_size: Annotated[int, typer.Option(help="Clips taken apart at once.")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Fits how exact tracks are on validation clips."""
    with one_line_errors(), torch.inference_mode():
        frames, latents, autoencoder, predictor = (
            data / file_name(name) for name in ("frames", "latents", "autoencoder", "predictor")
        )
        model, (forecaster, weights) = load_autoencoder(autoencoder)[0], load_predictor(predictor)
        given, horizon = weights.config["context_frames"], weights.config["horizon"]
        stores = open_frames(frames), open_latents(latents)
        context, target = validation_clips(*stores, model, given, horizon, batch_size)
        found = surprise_by_error(forecaster(context), target)
    if as_json:
        print(json.dumps({"surprise": found, "now": PLACE_ERROR_PX}, indent=2))
        return
    table = Table(title=f"{int(target.presence.sum())} objects of the validation split", title_justify="left")
    for column in ("error, px", "surprise"):
        table.add_column(column, justify="right")
    for error, value in found.items():
        table.add_row(f"{error:g}", f"{value:.4f}", style="bold" if value == min(found.values()) else None)
    Console().print(table)
    Console().print(f"PLACE_ERROR_PX is {PLACE_ERROR_PX:g}", highlight=False)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
