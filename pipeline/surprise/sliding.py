"""Slides over a stream of frames: what is scored next follows a context of frames that were scored before.

Legend: T context frames, h frames that came, at most as many as a window moves on.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

import numpy as np

from pipeline.forecasting.forecaster import Forecaster
from pipeline.surprise.scores import LASTS, Scores, score_windows

AHEAD = 10
"""Most frames that are scored with one context."""
_AT_ONCE = 4
"""Windows whose contexts are taken apart together."""


T = TypeVar("T")


@dataclass(frozen=True)
class Frame:
    """One frame of a stream."""

    number: int
    """In its video."""
    pixels: np.ndarray
    """uint8 [H, W, C]"""
    begins: bool
    """Nothing is known of what was right before it."""


def ahead_of(forecaster: Forecaster) -> int:
    """Frames that are scored with one context: no more than the predictor was trained to forecast."""
    return min(AHEAD, forecaster.predictor.config.horizon)


def stride_of(ahead: int) -> int:
    """Frames from one context to the next, half of those that each is asked for: most frames are scored twice, with a
    near and with a far context, so that what happens is seen, as long, by one that does not show it yet."""
    return (ahead + 1) // 2


def windows(frames: Iterable[Frame], given: int, ahead: int) -> Iterator[tuple[int, np.ndarray]]:
    """Windows uint8 [given + h, H, W, C] with the number of the first frame after the context, one every `stride_of`
    frames. After a beginning all frames but the first `given` are among the h that come after a context; before another
    beginning, and at the end, h is less than `ahead`."""
    held = deque[np.ndarray](maxlen=given + ahead)
    number, stride = 0, stride_of(ahead)

    def rest() -> Iterator[tuple[int, np.ndarray]]:
        for begins in range(0, len(held) - given, stride):
            yield number + 1 - len(held) + begins + given, np.stack(list(held)[begins:])

    for frame in frames:
        if frame.begins:
            yield from rest()
            held.clear()
        held.append(frame.pixels)
        number = frame.number
        if len(held) == given + ahead:
            yield number + 1 - ahead, np.stack(held)
            for _ in range(stride):
                held.popleft()
    yield from rest()


def score_all(forecaster: Forecaster, frames: Iterable[Frame]) -> Iterator[tuple[int, Scores]]:
    """Scores all windows of a stream, a few at once; with each the number of its first frame after the context. What
    surprises by where it is does so in some frames after one another, as `Scores.lasting` says."""
    ahead = ahead_of(forecaster)
    lasts = min(LASTS, ahead - stride_of(ahead))  # so that some window says something of every frame
    found = windows(frames, forecaster.context_frames, ahead)
    while batch := list(islice(found, _AT_ONCE)):
        scored = score_windows(forecaster, [window for _, window in batch])
        for (first, _), scores in zip(batch, scored, strict=True):
            yield first, scores.lasting(lasts, later=scores.num_frames == ahead)


def by_frame(found: Iterable[tuple[int, Sequence[T]]]) -> Iterator[tuple[int, list[T]]]:
    """Turns what was found in windows in their order, each with the number of its first frame and one thing for every
    frame, into frames in theirs: every number with all that was found of that frame."""
    pending: dict[int, list[T]] = {}
    for first, of_window in found:
        for number in [number for number in pending if number < first]:
            yield number, pending.pop(number)
        for number, thing in enumerate(of_window, first):
            pending.setdefault(number, []).append(thing)
    yield from pending.items()
