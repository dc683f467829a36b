"""Latents drawn a few frames at a time, so that neither the batch nor the size of frames decides how much memory it
takes: layers are floats, and many times as large as the pictures that are kept of them.

Legend: B clips, T frames, K slots, C channels, H W px.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.frames.pixels import to_uint8
from pipeline.latents.decoded import Decode, Decoded
from pipeline.latents.latents import Latents
from pipeline.pictures.layers import Layers, join_layers, layers_of_clip

PIXELS_AT_ONCE = 2**20
"""Pixels of layers, one for each slot, that are decoded together. Decoding holds about five pictures of them at a time,
each 40 MB of floats."""
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
    """The latents decoded in parts, in order: whole clips, or where one is too much at once some frames of a clip; and
    whether the part begins with a clip's first frame."""
    num_frames = latents.num_frames
    at_once = max(1, PIXELS_AT_ONCE // (latents.presence.shape[1] * height * width))
    num_clips = max(1, at_once // num_frames)
    for b in range(0, len(latents), num_clips):
        clips = latents.map(lambda code: code[b:b + num_clips])  # noqa: B023, called at once
        for t in range(0, num_frames, at_once):
            yield t == 0, decode(clips.frames(t, min(t + at_once, num_frames)))


def draw_layers(decode: Decode, latents: Latents, height: int, width: int) -> Layers:
    """The layers of one clip, ready to be looked at."""
    return join_layers([layers_of_clip(part, 0) for _, part in decoded_parts(decode, latents, height, width)])


def most_together(batch_size: int, values_of_clip: int) -> int:
    """How many clips of so many values to look at together: at most batch_size, at least one."""
    return max(1, min(batch_size, VIDEO_VALUES_AT_ONCE // values_of_clip))
