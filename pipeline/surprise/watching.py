"""Watches a video: how rare, against the validation clips, is what every frame shows, and who does it.

Legend: K slots, H W px.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.optimize import linear_sum_assignment

from pipeline.forecasting.forecaster import Forecaster
from pipeline.surprise.calibration import Calibration
from pipeline.surprise.scores import KINDS, OF_OBJECTS, Scores
from pipeline.surprise.sliding import Frame, by_frame, score_all

NAMES = {
    "pose": "is not where it should be", "appearance": "does not look as before", "vanished": "is gone",
    "new": "something new", "scene": "light or background",
}
"""What a kind of surprise means, of an object or of a frame."""
_NOBODY = -1
_MANY = 1e6
"""Frames of which one, or fewer, surprises so: more than that nobody has seen."""


@dataclass(frozen=True)
class Surprise:
    """What a frame says of one object, or of itself, in one respect."""

    kind: str
    """One of KINDS."""
    thing: int | None
    """The object's number, the same as long as it is followed; None: it is of no object."""
    nats: float
    """Negative log-likelihood, see `pipeline.surprise.scores`."""
    rarity: float
    """Share of frames in (0, 1] in which anything surprises as much."""
    box: tuple[float, float, float, float] | None
    """left, top, right, bottom, px; None: it is of the whole frame."""

    def what(self) -> str:
        return NAMES[self.kind] if self.thing is None else f"object {self.thing} {NAMES[self.kind]}"

    def how_rare(self) -> str:
        return f"1 frame in {min(1 / self.rarity, _MANY):,.0f}{'' if self.rarity * _MANY > 1 else ' or more'}"


@dataclass(frozen=True)
class Moment:
    """One frame."""

    frame: Frame
    surprises: list[Surprise]
    """The rarest first; empty where no context lies before it."""

    @property
    def rarity(self) -> float:
        return self.surprises[0].rarity if self.surprises else 1.0


def watch(forecaster: Forecaster, calibration: Calibration, frames: Iterable[Frame]) -> Iterator[Moment]:
    """The moments of a stream, of any length, in flat memory; those without a context before them come without
    surprises."""
    held = deque[Frame]()

    def held_frames() -> Iterator[Frame]:
        for frame in frames:
            held.append(frame)
            yield frame

    for number, surprises in moments(calibration, score_all(forecaster, held_frames()), forecaster.object_px):
        while held[0].number < number:
            yield Moment(held.popleft(), [])
        yield Moment(held.popleft(), surprises)
    yield from (Moment(frame, []) for frame in held)


def moments(
    calibration: Calibration, scored: Iterable[tuple[int, Scores]], object_px: float,
) -> Iterator[tuple[int, list[Surprise]]]:
    """What frames say, each with its number and the rarest first, of scored windows in their order, as `score_all`
    gives them. Of several windows that score a frame, the one counts that is surprised the most."""
    names = _Names(object_px)
    in_windows = ((first, _surprises(calibration, scores, names.follow(first, scores))) for first, scores in scored)
    for number, of_frame in by_frame(in_windows):
        most: dict[tuple[str, int | None], Surprise] = {}
        for one in chain.from_iterable(of_frame):
            if (one.kind, one.thing) not in most or _rank(one) < _rank(most[one.kind, one.thing]):
                most[one.kind, one.thing] = one
        yield number, sorted(most.values(), key=lambda one: (one.rarity, KINDS.index(one.kind), one.thing or 0))


def _surprises(calibration: Calibration, scores: Scores, things: np.ndarray) -> list[list[Surprise]]:
    """Of each frame of a window; things int [K]: the numbers of its objects."""
    found = list[list[Surprise]]([] for _ in range(scores.num_frames))
    compared = calibration.compared(scores).by_kind()
    for kind, nats in scores.by_kind().items():
        rarity = calibration.rarity(kind, compared[kind])
        for i, of_frame in enumerate(found):
            if kind in OF_OBJECTS:
                of_frame += [
                    Surprise(kind, int(things[slot]), float(nats[i, slot]), float(rarity[i, slot]),
                             _box(scores.box[i, slot]))
                    for slot in np.flatnonzero(np.isfinite(nats[i])).tolist()
                ]
            elif np.isfinite(nats[i]):
                box = _box(scores.new_box[i]) if kind == "new" else None
                of_frame.append(Surprise(kind, None, float(nats[i]), float(rarity[i]), box))
    return found


def _rank(one: Surprise) -> tuple[float, float]:
    return one.rarity, -one.nats


def _box(corners: np.ndarray) -> tuple[float, float, float, float]:
    left, top, right, bottom = corners.tolist()
    return left, top, right, bottom


class _Names:
    """Numbers objects so that one keeps its number from window to window, whichever slot it is in."""

    def __init__(self, object_px: float):
        self._near, self._count = object_px / 2, 0
        self._first, self._box, self._numbers = 0, np.empty((0, 0, 4)), np.empty(0, int)

    def follow(self, first: int, scores: Scores) -> np.ndarray:
        """Numbers int [K] of the objects in the window that scores frames from `first` on; _NOBODY for empty slots."""
        numbers = np.full(len(scores.before), _NOBODY)
        there = np.flatnonzero(np.isfinite(scores.before[:, 0]))
        last = first - 1 - self._first  # of the window before: the last frame of this one's context
        if 0 <= last < len(self._box):
            known = np.flatnonzero(self._numbers != _NOBODY)
            box = self._box[last, known]
            apart = np.linalg.norm(scores.before[there][:, None] - (box[:, :2] + box[:, 2:]) / 2, axis=-1)
            for slot, other in zip(*linear_sum_assignment(apart), strict=True):
                if apart[slot, other] < self._near:
                    numbers[there[slot]] = self._numbers[known[other]]
        for slot in there[numbers[there] == _NOBODY]:
            numbers[slot] = self._count
            self._count += 1
        self._first, self._box, self._numbers = first, scores.box, numbers
        return numbers
