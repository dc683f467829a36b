"""Medians, the lower of the two in the middle where their number is even, as fast as a CPU finds them.

PyTorch looks for one after the other on a CPU; here vector instructions look for many at once.

Legend: ... any axes, T frames, N numbers.
"""

import numpy as np
import torch
from torch import Tensor


def median(x: Tensor) -> Tensor:
    """[...] the median of x [..., N]."""
    if x.device.type != "cpu":
        return x.median(-1).values
    middle = (x.shape[-1] - 1) // 2
    return torch.from_numpy(np.asarray(np.partition(x.numpy(), middle, axis=-1)[..., middle]))


def median_over_time(x: Tensor, counts: Tensor) -> Tensor:
    """[B, ...] the median over the frames of x [B, T, ...] that count, bool broadcastable to it; 0 where none does."""
    ordered = torch.stack(_sorted(list(torch.where(counts, x, torch.inf).unbind(1))), 1)
    number = counts.sum(1, keepdim=True).expand_as(ordered[:, :1])
    found = ordered.gather(1, (number - 1).clamp(min=0) // 2)
    return torch.where(number > 0, found, 0)[:, 0]


def _sorted(frames: list[Tensor]) -> list[Tensor]:
    """The same numbers [...] with those of each place in rising order, by Batcher's network (odd-even merges, 1968):
    what is compared does not depend on the numbers, so all places are sorted at once."""
    frames, num = list(frames), len(frames)
    merged = 1
    while merged < num:
        apart = merged
        while apart:
            for first in range(apart % merged, num - apart, 2 * apart):
                for i in range(first, min(first + apart, num - apart)):
                    if i // (2 * merged) == (i + apart) // (2 * merged):
                        lower, upper = frames[i], frames[i + apart]
                        frames[i], frames[i + apart] = torch.minimum(lower, upper), torch.maximum(lower, upper)
            apart //= 2
        merged *= 2
    return frames
