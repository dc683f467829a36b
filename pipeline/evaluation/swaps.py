"""Do looks and tracks come apart? Objects get the looks of those of another sequence, see metrics.exchanges.

Legend: B sequences, T frames, N true objects, K slots, C channels, H W px.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.drawn import draw
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, concatenate
from pipeline.metrics.exchanges import TrueClip, exchange_looks
from pipeline.metrics.partial_frames import psnr_within
from pipeline.metrics.segmentation import UNMATCHED, match_slots, overlap_counts, visible


@dataclass(frozen=True)
class _Sequence:
    """latents have a batch of one; slot_of int [N]: each object's slot, UNMATCHED where it has none or never shows."""

    truth: TrueClip
    latents: Latents
    slot_of: np.ndarray


class AppearanceSwaps:
    """Takes sequence after sequence; each one's objects get the looks of those of the one before it."""

    def __init__(self, decode: Callable):
        self._decode = decode
        self._before: _Sequence | None = None
        self._psnr: list[np.ndarray] = []

    def add(self, truth: TrueClip, segmented: np.ndarray, latents: Latents) -> None:
        """segmented int [T, H, W]: by the latents, which have a batch of one."""
        counts = overlap_counts(truth.segmentation, segmented, truth.position.shape[1], latents.pose.shape[2])
        slot_of = np.where(visible(counts).any(0), match_slots(counts), UNMATCHED)
        sequence = _Sequence(truth, latents, slot_of)
        if self._before is not None:
            self._exchange(sequence, self._before)
        self._before = sequence

    @property
    def psnr(self) -> float | None:
        """swap_appearance_psnr over all exchanges, None where there was none."""
        return float(np.concatenate(self._psnr).mean()) if self._psnr else None

    def _exchange(self, here: _Sequence, there: _Sequence) -> None:
        exchanges, codes = [], []
        for item, other_item in np.ndindex(len(here.slot_of), len(there.slot_of)):
            slot, other_slot = int(here.slot_of[item]), int(there.slot_of[other_item])
            if UNMATCHED in (slot, other_slot):
                continue
            if found := exchange_looks(here.truth, item, there.truth, other_item):
                frame, other = here.latents.frames(found.time, found.time + 1), found.other_time
                codes.append(with_looks_of(frame, slot, there.latents.frames(other, other + 1), other_slot))
                exchanges.append(found)
        if exchanges:
            pairs = zip(*((x.target, x.judged) for x in exchanges), strict=True)
            target, judged = (np.stack(parts)[:, None] for parts in pairs)
            drawn = draw(self._decode, concatenate(codes), *judged.shape[-2:])
            self._psnr.append(psnr_within(drawn.frames, target, judged))


def with_looks_of(latents: Latents, slot: int, other: Latents, other_slot: int) -> Latents:
    """One frame [1, 1, ...] of latents, its `slot` with the looks and the size of the other's `other_slot`."""
    codes = {name: code.clone() for name, code in latents.codes.items() if CODES[name].belongs_to == "looks"}
    for name, code in codes.items():
        axis = CODES[name].dims.index("slot") + 1
        code.select(axis, slot).copy_(other.codes[name].select(axis, other_slot))
    pose = latents.pose.clone()
    own, size = pose[:, :, slot], poses.shape(other.pose[:, :, other_slot])
    pose[:, :, slot] = poses.assemble(poses.place(own), size, poses.visibility(own))
    return latents.replace(pose=pose, **codes)
