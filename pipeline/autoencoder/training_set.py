"""Clips for training, taken apart once: frames are read when needed, proposals stay in memory (about 50 KB a clip).

Legend: B batch, T frames, K slots, C channels, H W frame.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import partial

import torch
from torch import Tensor

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.proposals import Proposals, concatenate, propose
from pipeline.autoencoder.sprites import Sprites

PICTURES = ("background", "background_seen", "color", "alpha", "seen")
"""Kept in half precision: their steps of 1/2048 are finer than a video's 1/255."""
PER_FRAME = ("camera", "centre", "visibility")
CLIPS_REMEMBERED = 64
"""Clips taken apart between two states that an interrupted run can go on from."""

Compute = Callable[[], dict[str, Tensor]]


class TrainingSet:
    """`read(rows)` returns clips [B, T, C, H, W] in [0, 1] of the given row numbers; `rows` are those that belong to the set."""

    def __init__(self, read: Callable[[Tensor], Tensor], rows: Tensor, params: ProposalParams, device: torch.device,
                 advance: Callable[[int], None], remember: Callable[[Tensor, Compute], dict[str, Tensor]]):
        """Takes every clip apart; `advance(count)` is told of finished clips. remember(rows, compute) returns what
        compute() does, or did before the run was interrupted."""
        self.read, self.rows, self.device = read, rows, device

        def compute(rows: Tensor) -> dict[str, Tensor]:
            parts = []
            # a CPU takes clips one by one anyway: small batches keep the progress moving
            for batch in rows.split(4 if device.type == "cpu" else 32):
                parts.append(_convert(propose(read(batch).to(device), params), torch.half, torch.device("cpu")))
                advance(len(batch))
            return _tensors(concatenate(parts))

        groups = rows.split(CLIPS_REMEMBERED)
        self.proposals = concatenate([_proposals(remember(group, partial(compute, group))) for group in groups])

    def __len__(self) -> int:
        return len(self.rows)

    def clips(self, places: Tensor) -> tuple[Tensor, Proposals]:
        """Whole clips at `places` (0 .. len - 1) with their proposals."""
        chosen = self.proposals.map(lambda _, x: x[places])
        proposals = _convert(chosen, torch.float, self.device)
        return self.read(self.rows[places]).to(self.device), proposals

    def draw(self, batch_size: int, num_frames: int, generator: torch.Generator, share: slice) -> tuple[Tensor, Proposals]:
        """Random clips, cut to `num_frames` random frames each, mirrored and transposed at random.

        Of the whole batch only the rows of `share` are fetched, those of this process.
        """
        places = torch.randint(len(self), (batch_size,), generator=generator)
        order = torch.rand(batch_size, self.proposals.camera.shape[1], generator=generator).argsort(1)
        frames, proposals = self.clips(places[share])
        frames, proposals = cut_frames(frames, proposals, order[share, :num_frames].to(self.device))
        for axis in (0, 1):
            if torch.rand((), generator=generator) < 0.5:
                frames, proposals = mirror(frames, proposals, axis)
        if frames.shape[-1] == frames.shape[-2] and torch.rand((), generator=generator) < 0.5:
            frames, proposals = transpose(frames, proposals)
        return frames, proposals


def cut_frames(frames: Tensor, proposals: Proposals, chosen: Tensor) -> tuple[Tensor, Proposals]:
    """Only the frames chosen [B, F] of each clip, in that order."""
    def pick(x: Tensor) -> Tensor:
        index = chosen.view(*chosen.shape, *[1] * (x.ndim - 2)).expand(*chosen.shape, *x.shape[2:])
        return x.gather(1, index)
    return pick(frames), proposals.map(lambda name, x: pick(x) if name in PER_FRAME else x)


def mirror(frames: Tensor, proposals: Proposals, axis: int) -> tuple[Tensor, Proposals]:
    """Left and right (axis 0) or top and bottom (axis 1) exchanged."""
    dim = -1 - axis
    def change(name: str, x: Tensor) -> Tensor:
        if name == "centre":
            x = x.clone()
            x[..., axis] = frames.shape[dim] - x[..., axis]
        return x.flip(dim) if name in PICTURES else x
    return frames.flip(dim), proposals.map(change)


def transpose(frames: Tensor, proposals: Proposals) -> tuple[Tensor, Proposals]:
    """x and y exchanged."""
    def change(name: str, x: Tensor) -> Tensor:
        return x.flip(-1) if name == "centre" else x.transpose(-1, -2) if name in PICTURES else x
    return frames.transpose(-1, -2), proposals.map(change)


def _convert(proposals: Proposals, picture_dtype: torch.dtype, device: torch.device) -> Proposals:
    return proposals.map(lambda name, x: x.to(device, picture_dtype if name in PICTURES else torch.float))


def _tensors(proposals: Proposals) -> dict[str, Tensor]:
    """By name; those of the sprites have names of their own."""
    named = {}
    proposals.map(lambda name, x: named.setdefault(name, x))
    return named


def _proposals(named: dict[str, Tensor]) -> Proposals:
    sprites = Sprites(**{field.name: named[field.name] for field in fields(Sprites)})
    return Proposals(**{name: x for name, x in named.items() if not hasattr(sprites, name)}, sprites=sprites)
