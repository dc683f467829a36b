"""Sums along an axis of few numbers, such as channels or frames, one after the other: in a fraction of the time, since
what is summed is never held. For tensors that need no gradient."""

import torch
from torch import Tensor


def squared(x: Tensor, axis: int) -> Tensor:
    """The sum of x squared along an axis, which goes."""
    first, *others = x.unbind(axis)
    total = first.square()
    for other in others:
        total.addcmul_(other, other)
    return total


def weighted(x: Tensor, weight: Tensor, axis: int) -> Tensor:
    """The sum of x times weight, broadcastable to it, along an axis, which goes."""
    total = torch.zeros_like(x.select(axis, 0))
    for one, share in zip(x.unbind(axis), weight.unbind(axis), strict=True):
        total.addcmul_(one, share)
    return total
