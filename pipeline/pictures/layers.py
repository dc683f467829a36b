"""Layers of a clip made visible: segmentations in colours, objects on grey.

Legend: ... any leading axes (clips, frames), T frames, K slots, C channels, H W px.
"""

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from pipeline.frames.pixels import to_uint8
from pipeline.latents.decoded import Decoded
from pipeline.pictures.grid import Color, Tile

GREY = 0.5
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
    C] on grey, segmentation int [T, H, W]."""

    frames: np.ndarray
    background: np.ndarray
    objects: np.ndarray
    segmentation: np.ndarray


def layers_of_clip(decoded: Decoded, b: int) -> Layers:
    """What to draw of clip b."""
    objects = to_uint8(on_grey(decoded.objects[b], decoded.alpha[b]))
    segmentation = decoded.segmentation()[b].cpu().numpy()
    return Layers(to_uint8(decoded.frames[b]), to_uint8(decoded.background[b]), objects, segmentation)


def layer_tiles(frame: np.ndarray, layers: Layers, t: int, name: str, edge: Color) -> list[Tile]:
    """The row frame | `name` | background | each slot on grey | segmentation of time t; frame [H, W, C] is the true
    one."""
    tiles = [Tile(frame, "frame"), Tile(layers.frames[t], name, edge), Tile(layers.background[t], "background", edge)]
    for slot, picture in enumerate(layers.objects[t]):
        tiles.append(Tile(picture, f"slot {slot}", edge, slot_color(slot)))
    return [*tiles, Tile(color_segmentation(layers.segmentation[t]), "segmentation", edge)]
