"""What each object shows of itself, in px of the source: masks drawn from codes, their boxes and run lengths.

A mask holds the pixels where its slot shows most, as in Decoded.segmentation; between the pixels of frames, which the
source has more of, what leads by how much is interpolated linearly.

Legend: B clips, T frames, K slots, H W px of frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.frames.source_view import SourceView
from pipeline.latents.latents import Latents

_PIXELS_AT_ONCE = 1 << 22
"""Pixels of all slots that are decoded at once, more or less."""


@dataclass(frozen=True)
class Outline:
    """box: left, top, width, height, px of the source; area, px; counts: of the mask, see `run_lengths`."""

    box: tuple[float, float, float, float]
    area: int
    counts: list[int]


@torch.inference_mode()
def leads(model: Autoencoder, latents: Latents) -> Iterator[tuple[int, int, np.ndarray]]:
    """How far each slot leads over the background and all others, from -1 to 1, more than 0 where it shows most: of
    parts of the clips, their first clip, first frame, and float32 [B, T, K, H, W]. Memory does not depend on the number
    of clips and frames."""
    device, num_slots = next(model.parameters()).device, latents.presence.shape[1]
    num_frames = max(1, _PIXELS_AT_ONCE // (num_slots * model.config.height * model.config.width))
    num_clips = max(1, num_frames // latents.num_frames)
    for b in range(0, len(latents), num_clips):
        clips = latents.map(itemgetter(slice(b, b + num_clips))).to(device)
        pictures = model.decode_pictures(clips)
        for t in range(0, latents.num_frames, num_frames):
            alpha = model.decode(clips.frames(t, t + num_frames), pictures).alpha
            yield b, t, lead(alpha).cpu().numpy()


def lead(alpha: Tensor) -> Tensor:
    """How much more each slot shows than the background and all others do, shaped as alpha [B, T, K, H, W]."""
    shares = torch.cat([1 - alpha.sum(2, keepdim=True), alpha], 2)
    most, who = shares.topk(2, dim=2)
    slots = torch.arange(1, shares.shape[2], device=alpha.device)[:, None, None]
    return alpha - torch.where(who[:, :, :1] == slots, most[:, :, 1:], most[:, :, :1])


def outline(lead: np.ndarray, view: SourceView) -> Outline | None:
    """The pixels of the source in which a slot leads, lead [H, W]; None where it does so nowhere."""
    rows, columns = (np.flatnonzero((lead > 0).any(axis)) for axis in (1, 0))
    if not len(rows):
        return None
    # pixels of the source that lie in the frame, and no farther from what leads than a pixel of the frame
    x, y = (
        np.arange(max(0, np.floor((max(0, found[0] - 1) + corner) * scale)),
                  min(length, np.ceil((min(size, found[-1] + 2) + corner) * scale)), dtype=np.int64)
        for found, size, length, corner, scale in zip(
            (columns, rows), lead.shape[::-1], (view.width, view.height), view.corner, view.scale, strict=True)
    )
    left, top = x[0], y[0]
    (x0, x1, right), (y0, y1, below) = (
        _between((places + 0.5) / scale - corner - 0.5, size)
        for places, size, corner, scale in zip((x, y), lead.shape[::-1], view.corner, view.scale, strict=True)
    )
    near = lead[y0] * (1 - below)[:, None] + lead[y1] * below[:, None]
    mask = near[:, x0] * (1 - right) + near[:, x1] * right > 0
    if not mask.any():  # smaller than a pixel of a source that is smaller than the frame
        return None
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    box = (float(left + columns[0]), float(top + rows[0]), float(columns[-1] + 1 - columns[0]),
           float(rows[-1] + 1 - rows[0]))
    return Outline(box, int(mask.sum()), run_lengths(mask, (int(left), int(top)), (view.height, view.width)))


def run_lengths(mask: np.ndarray, corner: tuple[int, int], size: tuple[int, int]) -> list[int]:
    """COCO's run-length encoding, not compressed, of a picture of `size` (height, width) that shows mask, bool [h, w],
    at `corner` (x, y) and nothing else: lengths of runs of 0, 1, 0, ... down one column after the other, the first of
    them 0 where the first pixel is 1."""
    height, width = size
    x, y = np.nonzero(mask.T)
    places = (x + corner[0]) * height + y + corner[1]
    ends = np.flatnonzero(np.diff(places) != 1)
    runs = np.stack([places[[0, *ends + 1]], places[[*ends, -1]] + 1], -1).ravel() if len(places) else places
    return np.diff([0, *runs, *([height * width] if not len(runs) or runs[-1] < height * width else [])]).tolist()


def _between(places: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels before and after each place, int [n], and how far [n] the place is on the way to the latter. places
    [n] lie on a line of `size` pixels and are counted from the middle of the first.

    With these a picture is interpolated along one axis after the other, seven times as fast as by
    scipy.ndimage.map_coordinates.
    """
    places = places.clip(0, size - 1)
    before = np.floor(places).astype(np.int64)
    return before, np.minimum(before + 1, size - 1), (places - before).astype(np.float32)
