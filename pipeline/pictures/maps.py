"""How sure a forecast is, to look at.

Legend: ... any leading axes, K slots, H W px.
"""

import numpy as np

from pipeline.pictures.error_map import FULL
from pipeline.pictures.layers import BACKGROUND_COLOR, SLOT_COLORS

SPREAD, OCCUPANCY = "spread of the samples", "where objects are, and how probably"
"""Above the maps."""
_HALF = 0.5
"""The spread that is stored as 255, as a share of a channel's range."""


def spread_picture(spread: np.ndarray) -> np.ndarray:
    """uint8 [..., H, W] as the store has it -> uint8 [..., H, W, 1]: white where samples agree, black where their
    standard deviation is FULL, as error_map draws errors: beside it, as far as a forecast says that it may be off."""
    return (255 * (1 - spread[..., None] * (_HALF / 255 / FULL))).clip(0, 255).round().astype(np.uint8)


def occupancy_picture(occupancy: np.ndarray) -> np.ndarray:
    """uint8 [..., K, H, W] as the store has it -> uint8 [..., H, W, 3]: the colours of slots, each by its probability,
    and that of the background for what is left."""
    colors = SLOT_COLORS[np.arange(occupancy.shape[-3]) % len(SLOT_COLORS)].astype(np.float32)
    share = np.moveaxis(occupancy, -3, -1).astype(np.float32) / 255
    mixed = share @ (colors - BACKGROUND_COLOR) + BACKGROUND_COLOR
    return mixed.clip(0, 255).round().astype(np.uint8)
