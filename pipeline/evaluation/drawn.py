"""Latents drawn a few frames at a time, of which only pictures are kept.

Legend: B clips, T frames, C channels, H W px.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.frames.pixels import to_uint8
from pipeline.latents.decoded import Decode, Decoded
from pipeline.latents.latents import Latents
from pipeline.latents.parts import parts
from pipeline.pictures.layers import Layers, join_layers, layers_of_clip

VIDEO_VALUES_AT_ONCE = 2**23
"""Values of frames, all samples counted, that are looked at together; some are held as floats of 8 bytes."""


@dataclass(frozen=True)
class Drawn:
    """frames and background uint8 [B, T, H, W, C]; segmentation uint8 [B, T, H, W]: 0 background, k + 1 slot k."""

    frames: np.ndarray
    background: np.ndarray
    segmentation: np.ndarray


def draw(decode: Decode, latents: Latents, height: int, width: int) -> Drawn:
    """What latents of B clips of T frames are decoded to, on frames of height x width px."""
    clips: list[list[tuple[np.ndarray, ...]]] = []
    for is_first, part in decoded_parts(decode, latents, height, width):
        pictures = to_uint8(part.frames), to_uint8(part.background), part.segmentation().cpu().numpy().astype(np.uint8)
        clips.append([pictures]) if is_first else clips[-1].append(pictures)
    whole = [[np.concatenate(pieces, 1) for pieces in zip(*parts, strict=True)] for parts in clips]
    return Drawn(*(np.concatenate(pieces) for pieces in zip(*whole, strict=True)))


def decoded_parts(decode: Decode, latents: Latents, height: int, width: int) -> Iterator[tuple[bool, Decoded]]:
    """The latents decoded in parts, as `parts` has them; and whether a part begins with a clip's first frame."""
    return ((frames.start == 0, decode(part)) for _, frames, part in parts(latents, height, width))


def draw_layers(decode: Decode, latents: Latents, height: int, width: int) -> Layers:
    """The layers of one clip, ready to be looked at."""
    return join_layers([layers_of_clip(part, 0) for _, part in decoded_parts(decode, latents, height, width)])


def most_together(batch_size: int, values_of_clip: int) -> int:
    """How many clips of so many values to look at together: at most batch_size, at least one."""
    return max(1, min(batch_size, VIDEO_VALUES_AT_ONCE // values_of_clip))
