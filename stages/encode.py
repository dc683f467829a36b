"""Stage encode: all frames -> data/latents.zarr: the rows of data/frames.zarr, then those of data/test_frames.zarr."""

from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.encode_params import EncodeParams
from pipeline.autoencoder.kept_proposals import open_kept_proposals
from pipeline.cost import measure
from pipeline.encoding.encode_rows import encode_rows
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.latents.latent_store import LatentWriter
from pipeline.params import read_section
from pipeline.processes import processes
from pipeline.resume.folders import resume_folder
from pipeline.resume.states import machine

LABELS = ("video_id", "first_frame", "split")


def open_stores(frames: Path, test_frames: Path, wanted: tuple[int, int, int]) -> list[FrameStore]:
    """Both frame stores. Raises UserError unless their frames have the height, width and channels of `wanted` and their
    sequences one length."""
    stores = [open_frames(frames), open_frames(test_frames)]
    for store in stores:
        found = (store.height, store.width, store.num_channels)
        if found != wanted:
            raise UserError(
                f"{store.path}: the autoencoder wants frames of {_form(wanted)}, found {_form(found)}; "
                "train it on these frames or preprocess them to its size"
            )
        if (store.num_frames, store.fps) != (stores[0].num_frames, stores[0].fps):
            raise UserError(f"{store.path}: sequence length or fps differ from those of {frames}; run preprocess again")
    return stores


def read(stores: list[FrameStore], start: int, stop: int) -> np.ndarray:
    """Rows start <= row < stop, counted over all stores: uint8 [n, T, H, W, C]."""
    parts = []
    for store in stores:
        if start < len(store) and stop > 0:
            parts.append(store.read(slice(max(start, 0), min(stop, len(store)))))
        start, stop = start - len(store), stop - len(store)
    return np.concatenate(parts)


def encode(
    params: EncodeParams, frames: Path, test_frames: Path, autoencoder: Path, latents: Path,
    proposals: Path | None = None,
) -> int:
    """Writes the store, of several processes (torchrun) each files of its own; returns how many frames that is.
    proposals: what stage 1 kept of `frames`, if it did. Raises UserError when an input is unusable or they do not fit
    together."""
    together = processes()
    model, weights = load_autoencoder(autoencoder)
    model.to(together.device).eval()
    stores = open_stores(frames, test_frames, (model.config.height, model.config.width, model.config.num_channels))
    made_from = {"autoencoder": weights.identity, "frames": stores[0].identity, "test_frames": stores[1].identity}
    kept = None
    if proposals is not None and proposals.exists():
        kept = open_kept_proposals(proposals, frames, autoencoder, made_from)
    labels = [np.concatenate([getattr(store, label) for store in stores]) for label in LABELS]
    num_rows = len(labels[0])
    share = slice(together.process_index, None, together.num_processes)
    with resume_folder("encode", params, made_from, machine()) as folder:
        with together.main_process_first():
            writer = LatentWriter(
                latents, model.spec, *labels, num_frames=stores[0].num_frames, fps=stores[0].fps, made_from=made_from,
                crop=stores[0].crop, fps_is_assumed=stores[0].fps_is_assumed, about=stores[0].about,
                object_px=model.config.architecture.object_px, create=together.is_main_process)
        encode_rows(model, partial(read, stores), num_rows, params.batch_size, writer, folder, share, kept)
        together.wait_for_everyone()
        if together.is_main_process:
            writer.finish()
    together.destroy_process_group()
    return num_rows * stores[0].num_frames


def _form(form: tuple[int, int, int]) -> str:
    return f"{form[1]}x{form[0]} with {form[2]} channel{'s' if form[2] > 1 else ''}"


def main(
    params: Annotated[Path, typer.Option(help="File with the section 'encode'.")] = Path("params.yaml"),
    frames: Annotated[Path, typer.Option(help="Frame store: train and val.")] = Path("data/frames.zarr"),
    test_frames: Annotated[Path, typer.Option(help="Frame store: test.")] = Path("data/test_frames.zarr"),
    autoencoder: Annotated[
        Path, typer.Option(help="Weights of the autoencoder.")
    ] = Path("data/autoencoder.safetensors"),
    proposals: Annotated[
        Path, typer.Option(help="Clips of --frames that stage 1 has taken apart; if missing, they are again.")
    ] = Path("data/proposals.safetensors"),
    latents: Annotated[Path, typer.Option(help="Store to write.")] = Path("data/latents.zarr"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/encode.json"),
) -> None:
    """Turns every sequence into latents: what stays the same in it, and what changes from frame to frame."""
    with one_line_errors(), measure(cost, "frames") as count:
        settings = read_section(params, "encode", EncodeParams)
        count(encode(settings, frames, test_frames, autoencoder, latents, proposals))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
