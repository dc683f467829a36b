"""Clips for training. They are taken apart once: their proposals (about 50 KB a clip) are held, frames are read when
they are needed.

Legend: B batch, T frames, K slots, C channels, H W frame.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.many_clips import TakeApart, taking_apart
from pipeline.autoencoder.proposals import PICTURES, Proposals, concatenate
from pipeline.frames.pixels import to_unit
from pipeline.latents import camera_code, pose
from pipeline.processes import processes
from pipeline.spacing import evenly_spaced
from pipeline.spill import allocate

PER_FRAME = ("camera", "centre", "shape", "visibility")
CLIPS_REMEMBERED = 64
"""Clips taken apart between two states that an interrupted run can go on from."""

MAX_FRAMES_VALIDATED = 20
"""Most frames of a clip that validation looks at, evenly spaced: what it holds in memory has a bound."""

Compute = Callable[[], dict[str, Tensor]]


class TrainingSet:
    """`read(rows)` returns clips uint8 [B, T, H, W, C] of the given row numbers; `rows` are those of this set."""

    def __init__(
        self, read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, params: ProposalParams, scenes: np.ndarray,
        folder: Path, advance: Callable[[int], None], remember: Callable[[Tensor, Compute], dict[str, Tensor]],
    ):
        """Takes every clip apart; scenes uint8 [S, C + 1, H, W]: known backgrounds. `advance(count)` is told of
        finished clips. remember(rows, compute) returns the result of compute(), or a stored one: of this process before
        an interruption, or of another process. `folder`: for what does not fit into memory."""
        together = processes()
        device = together.device
        self.read, self.rows, self.device = read, torch.from_numpy(rows), device

        def compute(take_apart: TakeApart, rows: Tensor) -> dict[str, Tensor]:
            parts = []
            # a CPU takes clips one by one anyway: small batches keep the progress moving
            batches = rows.split(4 if device.type == "cpu" else 32)
            for clips, found in take_apart(read(batch.numpy()) for batch in batches):
                parts.append(_convert(found, torch.half, torch.device("cpu")))
                advance(len(clips))
            return concatenate(parts).tensors()

        held: dict[str, Tensor] = {}

        def take(start: int, take_apart: TakeApart) -> None:
            group = self.rows[start:start + CLIPS_REMEMBERED]
            found = remember(group, partial(compute, take_apart, group))
            if not held:
                held.update(allocate({n: ((len(rows), *x.shape[1:]), x.dtype) for n, x in found.items()}, folder))
            for name, x in found.items():
                held[name][start:start + len(group)] = x

        starts = range(0, len(rows), CLIPS_REMEMBERED)
        own = starts[together.process_index::together.num_processes]
        known = torch.from_numpy(scenes).to(device).float() / 255
        with taking_apart(params, known, device, len(own) * CLIPS_REMEMBERED) as take_apart:
            for start in own:
                take(start, take_apart)
            together.wait_for_everyone()
            for start in sorted(set(starts) - set(own)):  # what the other processes have left in their states
                take(start, take_apart)
        self.proposals = Proposals.of(held)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def num_frames(self) -> int:
        return self.proposals.camera.shape[1]

    def clips(self, places: Tensor) -> tuple[Tensor, Proposals]:
        """Clips at `places` (0 .. len - 1) with their proposals: all frames, or MAX_FRAMES_VALIDATED of them, evenly
        spaced."""
        chosen = torch.from_numpy(evenly_spaced(self.num_frames, MAX_FRAMES_VALIDATED))
        return self.frames(places, chosen.expand(len(places), -1))

    def frames(self, places: Tensor, chosen: Tensor) -> tuple[Tensor, Proposals]:
        """The frames chosen [B, F] of the clips at `places` [B], in that order, with their proposals."""
        # clip by clip, so that never more than one of them is in memory as a whole
        rows = self.rows[places].numpy()
        frames = [self.read(row[None])[0][times] for row, times in zip(rows, chosen.numpy(), strict=True)]
        proposals = self.proposals.map(lambda name, x: x[places[:, None], chosen] if name in PER_FRAME else x[places])
        return to_unit(np.stack(frames)).to(self.device), _convert(proposals, torch.float, self.device)

    def draw(
        self, batch_size: int, num_frames: int, generator: torch.Generator, share: slice,
    ) -> tuple[Tensor, Proposals]:
        """Draws `batch_size` clips and up to `num_frames` frames of each. All are mirrored at random, and transposed if
        they are square. Only the rows of `share`, those of this process, are fetched and returned.
        """
        places = torch.randint(len(self), (batch_size,), generator=generator)
        order = torch.rand(batch_size, self.num_frames, generator=generator).argsort(1)
        frames, proposals = self.frames(places[share], order[share, :num_frames])
        for axis in (0, 1):
            if torch.rand((), generator=generator) < 0.5:
                frames, proposals = mirror(frames, proposals, axis)
        if frames.shape[-1] == frames.shape[-2] and torch.rand((), generator=generator) < 0.5:
            frames, proposals = transpose(frames, proposals)
        return frames, proposals


def mirror(frames: Tensor, proposals: Proposals, axis: int) -> tuple[Tensor, Proposals]:
    """Frames and proposals with left and right (axis 0) or top and bottom (axis 1) exchanged."""
    dim = -1 - axis

    def change(name: str, x: Tensor) -> Tensor:
        if name == "centre":
            return pose.mirrored(x, axis, frames.shape[dim])
        if name == "shape":
            return pose.mirrored_shape(x)
        if name == "camera":
            return camera_code.mirrored(x, axis)
        return x.flip(dim) if name in PICTURES else x

    return frames.flip(dim), proposals.map(change)


def transpose(frames: Tensor, proposals: Proposals) -> tuple[Tensor, Proposals]:
    """Frames and proposals with x and y exchanged."""
    def change(name: str, x: Tensor) -> Tensor:
        if name == "centre":
            return pose.transposed(x)
        if name == "shape":
            return pose.transposed_shape(x)
        if name == "camera":
            return camera_code.transposed(x)
        return x.transpose(-1, -2) if name in PICTURES else x

    return frames.transpose(-1, -2), proposals.map(change)


def _convert(proposals: Proposals, picture_dtype: torch.dtype, device: torch.device) -> Proposals:
    return proposals.map(lambda name, x: x.to(device, picture_dtype if name in PICTURES else torch.float))
