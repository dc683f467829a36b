"""How much a training step keeps in memory, and how many clips at once a budget allows."""

import sys
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from pipeline.errors import UserError

PASSING = 2.0
"""Memory of a step in multiples of what it keeps for the backward pass: what passes through comes on top."""


def bytes_kept(modules: list[nn.Module], loss: Callable[[], Tensor]) -> int:
    """Bytes of all tensors that autograd saves while `loss()` is computed; each piece of memory once, and without the
    weights, which are there anyway.

    A pure function of the shapes: the same on every machine, and on the meta device, where nothing is computed.
    """
    weights = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    known = {tensor.untyped_storage()._cdata for tensor in weights}
    kept: dict[int, torch.UntypedStorage] = {}  # the storages themselves, lest a freed one's address counts for another

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in known:
            kept[storage._cdata] = storage
        return tensor

    with saved_tensors_hooks(note, lambda tensor: tensor):
        loss()
    return sum(storage.nbytes() for storage in kept.values())


def bytes_of_weights(modules: list[nn.Module]) -> int:
    """Parameters, their gradients, and the two moments that Adam keeps of each."""
    return 4 * sum(weight.numel() * weight.element_size() for module in modules for weight in module.parameters())


def clips_at_once(budget: float, num_clips: int, model: nn.Module, loss: Callable[[int], Tensor]) -> int:
    """How many of `num_clips` clips a training step may run at once so that weights, gradients, Adam's moments and the
    step itself stay within `budget` GiB; measured on loss(1) and loss(2), that of so many clips. Says what it chose.

    Raises UserError when one clip alone is too much.
    """
    one, two = (bytes_kept([model], partial(loss, number)) for number in (1, 2))
    fixed, each = bytes_of_weights([model]) + PASSING * (2 * one - two), PASSING * (two - one)
    fitting = int((budget * 2**30 - fixed) // each)
    if fitting < 1:
        raise UserError(
            f"memory_budget is {budget:g} GiB, but a training step of one clip takes {(fixed + each) / 2**30:.3f} GiB; "
            "raise it, lower frames_per_clip or set recompute: true"
        )
    chosen = min(fitting, num_clips)
    print(
        f"memory_budget {budget:g} GiB: {chosen} of {num_clips} clips at once, "
        f"{(fixed + chosen * each) / 2**30:.3f} GiB ({each / 2**20:.1f} MiB a clip, "
        f"{fixed / 2**20:.1f} MiB whatever their number)", file=sys.stderr, flush=True,
    )
    return chosen
