"""Stage encode: all frames -> data/latents.zarr: the rows of data/frames.zarr, then those of data/test_frames.zarr."""

import os
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from accelerate import PartialState

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.encode_params import EncodeParams
from pipeline.cost import measure
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_unit
from pipeline.latents.latent_store import ROWS_PER_SHARD, LatentWriter
from pipeline.latents.latents import Latents, concatenate
from pipeline.params import read_section
from pipeline.progress import Counter, progress
from pipeline.resume.folders import resume_folder
from pipeline.resume.states import machine, remembered

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


@torch.inference_mode()
def encode(params: EncodeParams, frames: Path, test_frames: Path, autoencoder: Path, latents: Path) -> int:
    """Writes the store, of several processes (torchrun) each files of its own; returns how many frames that is. Raises
    UserError when an input is unusable or they do not fit together."""
    # accelerate must be told when the processes of torchrun have no GPU
    processes = PartialState(cpu="LOCAL_RANK" in os.environ and not torch.cuda.is_available())
    model, weights = load_autoencoder(autoencoder)
    model.to(processes.device).eval()
    stores = open_stores(frames, test_frames, (model.config.height, model.config.width, model.config.num_channels))
    made_from = {"autoencoder": weights.identity, "frames": stores[0].identity, "test_frames": stores[1].identity}
    labels = [np.concatenate([getattr(store, label) for store in stores]) for label in LABELS]
    num_rows = len(labels[0])
    shards = range(0, num_rows, ROWS_PER_SHARD)[processes.process_index::processes.num_processes]
    num_own = sum(min(ROWS_PER_SHARD, num_rows - start) for start in shards)

    def encode_rows(start: int, stop: int, advance: Counter) -> dict[str, torch.Tensor]:
        batches = []
        for row in range(start, stop, params.batch_size):
            frames = to_unit(read(stores, row, min(row + params.batch_size, stop))).to(processes.device)
            batches.append(model.encode(frames).map(torch.Tensor.cpu))
            advance(len(frames))
        return concatenate(batches).codes

    with resume_folder("encode", params, made_from, machine()) as folder:
        with processes.main_process_first():
            writer = LatentWriter(
                latents, model.spec, *labels, num_frames=stores[0].num_frames, fps=stores[0].fps, made_from=made_from,
                object_px=model.config.architecture.object_px, about=stores[0].about, create=processes.is_main_process)
        with progress("encoding", num_own, "sequences") as advance:
            for start in shards:
                path, stop = folder / f"rows_{start:08}.pt", min(start + ROWS_PER_SHARD, num_rows)
                compute, found = partial(encode_rows, start, stop, advance), partial(advance, stop - start)
                writer.write(start, Latents(**remembered(path, compute, found)))
        processes.wait_for_everyone()
        if processes.is_main_process:
            writer.finish()
    processes.destroy_process_group()
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
    latents: Annotated[Path, typer.Option(help="Store to write.")] = Path("data/latents.zarr"),
    cost: Annotated[Path, typer.Option(help="File for what it cost.")] = Path("data/cost/encode.json"),
) -> None:
    """Turns every sequence into latents: what stays the same in it, and what changes from frame to frame."""
    with one_line_errors(), measure(cost, "frames") as count:
        count(encode(read_section(params, "encode", EncodeParams), frames, test_frames, autoencoder, latents))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
