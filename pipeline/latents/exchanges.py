"""Parts of clips exchanged: which codes go along with which part is said by the table.

Legend: B clips, K slots.
"""

import torch
from torch import Tensor

from pipeline.latents.codes import CODES, Belonging
from pipeline.latents.latents import Latents
from pipeline.thresholds import PRESENT


def with_background(latents: Latents, other: Latents) -> Latents:
    """The objects of `latents` before the background of `other`, in its light."""
    return latents.replace(**_codes_of("background", other))


def with_looks_reordered(latents: Latents, order: Tensor) -> Latents:
    """The object in slot k looks as the one in slot order[k] does; order int [K]."""
    looks = _codes_of("looks", latents)
    return latents.replace(**{
        name: code.index_select(CODES[name].dims.index("slot") + 1, order) for name, code in looks.items()
    })


def with_looks(latents: Latents, other: Latents) -> Latents:
    """The tracks of `latents` with the looks of `other`: in each clip the objects take, in order, the looks of the
    other's objects, over again where those are fewer. Looks that change from frame to frame belong to their own clip
    alone: they become 0."""
    looks = {name: torch.zeros_like(code) if CODES[name].varies else code.clone()
             for name, code in _codes_of("looks", latents).items()}
    for b in range(len(latents)):
        here, there = ((codes.presence[b] > PRESENT).nonzero()[:, 0] for codes in (latents, other))
        if len(there):
            for name in looks:
                if not CODES[name].varies:
                    looks[name][b, here] = other.codes[name][b, there[torch.arange(len(here)) % len(there)]]
    return latents.replace(**looks)


def _codes_of(part: Belonging, latents: Latents) -> dict[str, Tensor]:
    return {name: code for name, code in latents.codes.items() if CODES[name].belongs_to == part}
