"""Latents read once and held, and windows of them: random ones to train on, regular ones to validate on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents
from pipeline.spacing import evenly_spaced
from pipeline.spill import allocate

ROWS_AT_ONCE = 256
MAX_WINDOWS = 8192


def hold(read: Callable[[np.ndarray], Latents], rows: np.ndarray, folder: Path) -> Latents:
    """All that `read` gives for `rows`, in memory; mapped from files in `folder` when that is too much for it."""
    held: dict[str, Tensor] = {}
    for start in range(0, len(rows), ROWS_AT_ONCE):
        found = read(rows[start:start + ROWS_AT_ONCE]).codes
        held = held or allocate({n: ((len(rows), *x.shape[1:]), x.dtype) for n, x in found.items()}, folder)
        for name, code in found.items():
            held[name][start:start + len(code)] = code
    return Latents(**held)


def windows(latents: Latents, rows: Tensor, starts: Tensor, num_frames: int) -> Latents:
    """The clips of `num_frames` frames that begin at frame starts[b] of sequence rows[b]; rows, starts int [B]."""
    times = starts[:, None] + torch.arange(num_frames)
    return Latents(**{
        name: code[rows[:, None], times] if CODES[name].varies else code[rows]
        for name, code in latents.codes.items()
    })


def random_windows(latents: Latents, num_frames: int, batch_size: int, generator: torch.Generator) -> Latents:
    """`batch_size` clips, each from a random sequence and place (with replacement)."""
    num_sequences, num_starts = len(latents), latents.num_frames - num_frames + 1
    assert num_starts > 0, f"sequences of {latents.num_frames} frames are shorter than {num_frames}"
    rows = torch.randint(num_sequences, (batch_size,), generator=generator)
    return windows(latents, rows, torch.randint(num_starts, (batch_size,), generator=generator), num_frames)


def regular_windows(latents: Latents, num_frames: int, batch_size: int) -> Iterator[Latents]:
    """Every sequence cut into clips end to end from its first frame on, in batches of up to `batch_size`."""
    per_sequence = latents.num_frames // num_frames
    assert per_sequence > 0, f"sequences of {latents.num_frames} frames are shorter than {num_frames}"
    for places in torch.arange(len(latents) * per_sequence).split(batch_size):
        yield windows(latents, places // per_sequence, places % per_sequence * num_frames, num_frames)


def spread_windows(latents: Latents, num_frames: int) -> Latents:
    """The clips that regular_windows gives, in one batch; of more than MAX_WINDOWS an evenly spaced choice."""
    per_sequence = latents.num_frames // num_frames
    total = len(latents) * per_sequence
    places = torch.from_numpy(evenly_spaced(total, MAX_WINDOWS))
    return windows(latents, places // per_sequence, places % per_sequence * num_frames, num_frames)
