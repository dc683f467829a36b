"""Layers of a clip made visible: segmentations in colours, objects on grey.

Legend: ... any leading axes (clips, frames), T frames, K slots, C channels, H W px.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image
from torch import Tensor

from pipeline.frames.pixels import to_uint8
from pipeline.latents.decoded import Decoded
from pipeline.pictures.grid import Color, Tile

GREY = 0.5
FULL_COLOR_PX = 3.0
"""Displacement that is drawn in full colour, px: more is rare beside camera and objects that are tracked."""
SLOT_COLORS = np.array(
    [
        (230, 85, 13), (49, 130, 189), (49, 163, 84), (158, 86, 190),
        (214, 168, 0), (0, 158, 158), (222, 80, 150), (140, 100, 70),
    ],
    dtype=np.uint8,
)
"""One colour per slot, repeated after the last; they are told apart on paper and on dark grey."""
BACKGROUND_COLOR = np.array((45, 45, 48), dtype=np.uint8)


def slot_color(slot: int) -> Color:
    red, green, blue = SLOT_COLORS[slot % len(SLOT_COLORS)].tolist()
    return red, green, blue


def color_segmentation(segmentation: np.ndarray) -> np.ndarray:
    """Integer ids [..., H, W], 0 background and k + 1 slot k -> uint8 [..., H, W, 3]."""
    num_slots = max(1, int(segmentation.max()))
    colors = np.stack([BACKGROUND_COLOR, *(SLOT_COLORS[slot % len(SLOT_COLORS)] for slot in range(num_slots))])
    return colors[segmentation]


def on_grey(objects: Tensor, alpha: Tensor) -> Tensor:
    """Objects [..., K, C, H, W] in [0, 1] shown on grey where alpha [..., K, H, W] lets them be seen: [..., K, C, H,
    W]."""
    alpha = alpha.unsqueeze(-3)
    return alpha * objects + (1 - alpha) * GREY


@dataclass(frozen=True)
class Layers:
    """One clip taken apart, ready to be drawn: frames and background uint8 [T, H, W, C], objects uint8 [T, K, H, W,
    C] on grey, segmentation int [T, H, W], displacement float32 [T, 2, H, W], px, or [T, 0, H, W] where nothing is said
    of it."""

    frames: np.ndarray
    background: np.ndarray
    objects: np.ndarray
    segmentation: np.ndarray
    displacement: np.ndarray

    def map(self, function: Callable[[np.ndarray], np.ndarray]) -> "Layers":
        return Layers(*(function(getattr(self, field.name)) for field in fields(self)))


def join_layers(parts: Sequence[Layers]) -> Layers:
    """One clip of its parts in time."""
    return Layers(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Layers)))


def layers_of_clip(decoded: Decoded, b: int) -> Layers:
    """What to draw of clip b."""
    objects = to_uint8(on_grey(decoded.objects[b], decoded.alpha[b]))
    segmentation = decoded.segmentation()[b].cpu().numpy()
    if decoded.displacement is None:
        displacement = np.zeros((len(segmentation), 0, *segmentation.shape[1:]), np.float32)
    else:
        displacement = decoded.displacement[b].cpu().numpy()
    return Layers(to_uint8(decoded.frames[b]), to_uint8(decoded.background[b]), objects, segmentation, displacement)


def color_displacement(displacement: np.ndarray) -> np.ndarray:
    """Displacement [2, H, W], px -> uint8 [H, W, 3]: the hue says where to, white is nowhere (Baker et al. 2011, "A
    database and evaluation methodology for optical flow"), and full colour is FULL_COLOR_PX."""
    x, y = displacement
    hue, strength = (np.arctan2(y, x) / (2 * np.pi)) % 1, np.clip(np.hypot(x, y) / FULL_COLOR_PX, 0, 1)
    levels = (255 * np.stack([hue, strength, np.ones_like(hue)], -1)).round().astype(np.uint8)
    return np.asarray(Image.fromarray(levels, "HSV").convert("RGB"))


def layer_tiles(frame: np.ndarray, layers: Layers, t: int, name: str, edge: Color) -> list[Tile]:
    """The row frame | `name` | background | each slot on grey | segmentation of time t, and what is displaced where
    that is said; frame [H, W, C] is the true one."""
    tiles = [Tile(frame, "frame"), Tile(layers.frames[t], name, edge), Tile(layers.background[t], "background", edge)]
    for slot, picture in enumerate(layers.objects[t]):
        tiles.append(Tile(picture, f"slot {slot}", edge, slot_color(slot)))
    tiles.append(Tile(color_segmentation(layers.segmentation[t]), "segmentation", edge))
    if layers.displacement.shape[1]:
        tiles.append(Tile(color_displacement(layers.displacement[t]), "motion code", edge))
    return tiles
