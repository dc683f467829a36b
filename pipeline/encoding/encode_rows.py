"""Encodes rows of frames and writes them, file by file; what an interrupted run has done is not done again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.many_clips import TakeApart, taking_apart
from pipeline.frames.pixels import to_unit
from pipeline.latents.latent_store import ROWS_PER_SHARD, LatentWriter
from pipeline.latents.latents import Latents, concatenate
from pipeline.progress import Counter, progress
from pipeline.resume.states import remembered

ReadFrames = Callable[[int, int], np.ndarray]
"""Gives the frames of the rows start <= row < stop, uint8 [n, T, H, W, C]."""


@torch.inference_mode()
def encode_rows(
    model: Autoencoder, read: ReadFrames, num_rows: int, batch_size: int, writer: LatentWriter, folder: Path,
    share: slice = slice(None),
) -> None:
    """Writes the latents of rows 0 .. num_rows - 1, batch_size of them at once; share: those of their files that this
    process writes. What is done already lies in `folder`."""
    device = next(model.parameters()).device

    def encode_shard(start: int, stop: int, take_apart: TakeApart, advance: Counter) -> dict[str, torch.Tensor]:
        batches = []
        for clips, proposals in take_apart(
            read(row, min(row + batch_size, stop)) for row in range(start, stop, batch_size)
        ):
            batches.append(model.encode(to_unit(clips).to(device), proposals).map(torch.Tensor.cpu))
            advance(len(clips))
        return concatenate(batches).codes

    shards = range(0, num_rows, ROWS_PER_SHARD)[share]
    num_own = sum(min(ROWS_PER_SHARD, num_rows - start) for start in shards)
    apart = taking_apart(model.config.architecture, model.scenes, device, num_own)
    with progress("encoding", num_own, "sequences") as advance, apart as take_apart:
        for start in shards:
            path, stop = folder / f"rows_{start:08}.pt", min(start + ROWS_PER_SHARD, num_rows)
            compute, found = partial(encode_shard, start, stop, take_apart, advance), partial(advance, stop - start)
            writer.write(start, Latents(**remembered(path, compute, found)))
