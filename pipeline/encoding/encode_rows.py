"""Encodes rows of frames and writes them, file by file; what an interrupted run has done is not done again."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.kept_proposals import KeptProposals
from pipeline.autoencoder.many_clips import TakeApart, taking_apart
from pipeline.autoencoder.proposals import Proposals
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
    share: slice = slice(None), kept: KeptProposals | None = None,
) -> None:
    """Writes the latents of rows 0 .. num_rows - 1, batch_size of them at once; share: those of their files that this
    process writes; kept: the first rows, taken apart. What is done already lies in `folder`."""
    device = next(model.parameters()).device
    num_kept = len(kept) if kept else 0

    def taken_apart(start: int, stop: int, take_apart: TakeApart) -> Iterator[tuple[np.ndarray, Proposals]]:
        border = max(start, min(stop, num_kept))
        known, others = ([(row, min(row + batch_size, last)) for row in range(first, last, batch_size)]
                         for first, last in ((start, border), (border, stop)))
        yield from ((read(*rows), kept.take(*rows).map(lambda _, x: x.to(device))) for rows in known if kept)
        yield from take_apart(read(*rows) for rows in others)

    def encode_shard(start: int, stop: int, take_apart: TakeApart, advance: Counter) -> dict[str, torch.Tensor]:
        batches = []
        for clips, proposals in taken_apart(start, stop, take_apart):
            batches.append(model.encode(to_unit(clips).to(device), proposals).map(torch.Tensor.cpu))
            advance(len(clips))
        return concatenate(batches).codes

    shards = range(0, num_rows, ROWS_PER_SHARD)[share]
    own = [(start, min(start + ROWS_PER_SHARD, num_rows)) for start in shards]
    num_own = sum(stop - start for start, stop in own)
    num_apart = sum(max(0, stop - max(start, num_kept)) for start, stop in own)
    apart = taking_apart(model.config.architecture, model.scenes, device, num_apart)
    with progress("encoding", num_own, "sequences") as advance, apart as take_apart:
        for start, stop in own:
            path = folder / f"rows_{start:08}.pt"
            compute, found = partial(encode_shard, start, stop, take_apart, advance), partial(advance, stop - start)
            writer.write(start, Latents(**remembered(path, compute, found)))
