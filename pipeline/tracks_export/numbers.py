"""Numbers for the objects of a video: one object has one number in all sequences that overlap or follow one another.

Every sequence was taken apart by itself and has an order of slots of its own. Where two share frames that both have
seen, an object whose tracks are one there (see latents.matching) keeps its number. Where one begins with the frame
after the other's last, it does if it begins near the place to which it would have gone straight on.
"""

from dataclasses import dataclass, field

import numpy as np

from pipeline.latents.codes import CODES
from pipeline.latents.extrapolation import go_on
from pipeline.latents.latents import Latents
from pipeline.latents.matching import SAME_PX, same_objects
from pipeline.thresholds import PRESENT

NOBODY = 0
"""The number of an empty slot."""
REACH = 0.5
"""How far from where it would have gone an object may be found by the next sequence, which may see another middle of
it, as a share of a typical object's width: there it still overlaps itself."""


@dataclass
class Numbers:
    """Takes the clips of one video after the other, in the order of their first frames."""

    num_given: int
    """Frames of a clip that were seen, not forecast."""
    object_px: float | None
    """Width of a typical object, px; None: not known."""
    _video: str = ""
    _last: int = 0
    _earlier: list[tuple[int, Latents, np.ndarray]] = field(default_factory=list)

    def of(self, video: str, first_frame: int, latents: Latents, after_gap: bool = False) -> np.ndarray:
        """The numbers, from 1, of the objects of the clip that begins at `first_frame`, NOBODY where a slot is empty:
        int [slot]. latents: batch axis 1; after_gap: the frame before is not the one that came before."""
        if video != self._video:
            self._video, self._last, self._earlier = video, 0, []
        if after_gap:
            self._earlier = []
        self._earlier = [earlier for earlier in self._earlier if earlier[0] + self.num_given >= first_frame]
        here = Latents(pose=latents.pose, presence=latents.presence)
        present, found = latents.presence[0].numpy() > PRESENT, np.full(latents.presence.shape[1], NOBODY)
        for start, there, numbers in reversed(self._earlier):  # the one with the most common frames first
            for slot, other in enumerate(self._same(here, there, first_frame - start)):
                if other >= 0 and found[slot] == NOBODY and numbers[other] not in found:
                    found[slot] = numbers[other]
        new = present & (found == NOBODY)
        found[new] = self._last + 1 + np.arange(new.sum())
        self._last += int(new.sum())
        self._earlier.append((first_frame, here, found))
        return found

    def _same(self, here: Latents, there: Latents, after: int) -> list[int]:
        """The slots of the clip `there` with the objects of `here`, which begins so many frames later."""
        if after < self.num_given:
            shared = self.num_given - after
            return same_objects(here.frames(0, shared), there.frames(after, after + shared))[0].tolist()
        going_on = there.replace(pose=go_on(CODES["pose"], there.frames(0, after).pose, 1))
        within_px = SAME_PX if self.object_px is None else max(SAME_PX, REACH * self.object_px)
        return same_objects(here.frames(0, 1), going_on, within_px)[0].tolist()
