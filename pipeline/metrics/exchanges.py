"""What a renderer would draw if an object had another one's looks, made of true pixels alone.

Protocol of swap_appearance_psnr. An object of one clip is to look as an object of another clip does and go on along its
own track. Whole pixels of the other clip's true frames can be moved by whole pixels only, so a frame of either clip is
chosen such that the two true centres differ by whole pixels, to MAX_OFF px; in both frames the object must show as a
whole: inside the frame, touching no other. There the object's pixels, and those next to them, are replaced by the true
background, and the other's pixels are put over it. Compared are the pixels of both objects, off the new one's edges,
where light of the background is mixed in. The size goes with the looks: it is constant in a clip.

Legend: T frames, C channels, H W px. A segmentation is integer ids: 0 background, i = object i - 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion, shift

MAX_OFF = 0.1
"""px along either axis."""
_NEIGHBOURS = np.ones((3, 3), bool)


@dataclass(frozen=True)
class TrueClip:
    """frames and background uint8 [T, H, W, C], segmentation int [T, H, W], position [T, N, 2] px."""

    frames: np.ndarray
    background: np.ndarray
    segmentation: np.ndarray
    position: np.ndarray

    @cached_property
    def whole(self) -> np.ndarray:
        """bool [T, N]: does the object show, inside the frame and touching no other?"""
        items = range(self.position.shape[1])
        return np.array([[shows_whole(segmented, item) for item in items] for segmented in self.segmentation])


@dataclass(frozen=True)
class Exchange:
    """At frame `time` of the one clip the looks that the other one's object has at `other_time`: the true picture
    target [H, W, C], and where it is known, judged bool [H, W]."""

    time: int
    other_time: int
    target: np.ndarray
    judged: np.ndarray


def exchange_looks(clip: TrueClip, item: int, other: TrueClip, other_item: int) -> Exchange | None:
    """The best exchange between object `item` of a clip and `other_item` of another; None where no frames fit."""
    for time, other_time, x, y in _fitting_frames(clip, item, other, other_item):
        old, taken = clip.segmentation[time] == item + 1, other.segmentation[other_time] == other_item + 1
        new, pixels = shift(taken, (y, x), order=0), shift(other.frames[other_time], (y, x, 0), order=0)
        nearby = _grown(old) | _grown(new)
        if new.sum() < taken.sum() or not np.isin(clip.segmentation[time][nearby], (0, item + 1)).all():
            continue
        target = np.where(_grown(old)[..., None], clip.background[time], clip.frames[time])
        target = np.where(new[..., None], pixels, target)
        judged = (_grown(old) & ~_grown(new)) | binary_erosion(new, _NEIGHBOURS)
        return Exchange(time, other_time, target, judged)
    return None


def _fitting_frames(
    clip: TrueClip, item: int, other: TrueClip, other_item: int,
) -> Iterator[tuple[int, int, int, int]]:
    """Pairs of frames in which both objects show as a whole and lie apart by whole pixels: both times, and how far
    apart in x and y; the nearest to whole pixels first."""
    times, other_times = np.flatnonzero(clip.whole[:, item]), np.flatnonzero(other.whole[:, other_item])
    apart = clip.position[times, None, item] - other.position[None, other_times, other_item]
    off = np.abs(apart - apart.round()).max(-1)
    for flat in np.argsort(off, axis=None, kind="stable"):
        first, second = np.unravel_index(flat, off.shape)
        if off[first, second] > MAX_OFF:
            return
        x, y = apart[first, second].round().astype(int).tolist()
        yield int(times[first]), int(other_times[second]), x, y


def shows_whole(segmentation: np.ndarray, item: int) -> bool:
    """segmentation [H, W]."""
    mask = segmentation == item + 1
    if not mask.any() or mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any():
        return False
    return bool(np.isin(segmentation[_grown(mask)], (0, item + 1)).all())


def _grown(mask: np.ndarray) -> np.ndarray:
    return binary_dilation(mask, _NEIGHBOURS)
