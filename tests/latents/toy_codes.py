"""Two codes that no model makes, to show that an entry in the table is all that the rest of the house needs."""

import torch
from torch import Tensor

from pipeline.latents.codes import Code


def _mirrored(wobble: Tensor, axis: int, length: float) -> Tensor:
    """Sway is to the right and heave downwards, px per frame."""
    return wobble * torch.tensor([(-1.0, 1, 1), (1, -1, 1)][axis])


WOBBLE = Code(
    "wobble", "how fast the object sways and heaves, and how brightly it glows", "object", "track", 3, varies=True,
    components=("sway", "heave", "glow"), units=("px per frame", "px per frame", "1"),
    goes_on=("damped", "line", "held"), mirrored=_mirrored, transposed=lambda wobble: wobble[..., [1, 0, 2]],
    backwards=lambda wobble: wobble.flip(1) * torch.tensor([-1.0, -1, 1]),
)
MOOD = Code("mood", "how the whole scene feels", "scene", "background", 2, varies=True)
TEMPER = Code("temper", "how an object feels all the time", "object", "looks", 4)
TOYS = (WOBBLE, MOOD, TEMPER)
