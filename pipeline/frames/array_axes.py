"""Which arrays of a file are videos, and which of their axes is what: N videos, T time, H height, W width, C channels.

Both are told by names and shapes where these leave no doubt; otherwise parameters say it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.picture_kinds import matches
from pipeline.frames.preprocess_params import ArrayLayout
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.splits import says_split

_AXES = {"N": "video", "T": "time", "H": "height", "W": "width", "C": "channel"}
_FULL = [order for order in get_args(ArrayLayout) if order.isupper()]
_ONE_VIDEO = ("THWC", "TCHW", "HWCT")
_OF_LAYOUT = {
    None: ("THW", *_ONE_VIDEO),
    "video_time": ("NTHW", "NTHWC", "NTCHW", "NCTHW", *_ONE_VIDEO, "CTHW"),
    "time_video": ("TNHW", "TNHWC", "TNCHW", *_ONE_VIDEO),
}
_WANTED = {
    None: "[time, height, width] or [video, time, height, width]",
    "video_time": "[video, time, height, width]",
    "time_video": "[time, video, height, width]",
}
_CHANNELS = (1, 3)
_LEAST_PX = 8
"""Shorter sides of frames have to be said by letters: an axis so short is taken for channels (of RGBA, say)."""
_LEAST_FRAMES = 4
"""A shorter axis is not taken for time where there is another reading."""
_MOST_NAMED = 8

Facts = tuple[np.dtype, tuple[int, ...]] | None
"""dtype and shape of an array; None where it is none."""


class NoVideos(UserError):
    """A file whose arrays cannot be videos. Beside files that hold videos it may be left out."""


@dataclass(frozen=True)
class Reading:
    """How an array is understood."""

    order: str
    """A letter for each axis."""
    shape: tuple[int, ...]
    is_said: bool
    """Parameters say the order, which then is not guessed."""

    def length(self, axis: str) -> int:
        return self.shape[self.order.index(axis)] if axis in self.order else 1

    def __str__(self) -> str:
        num_videos = self.length("N")
        videos = "one video" if num_videos == 1 else f"{num_videos} videos"
        return f"{videos} of {self.length('T')} frames, {list(self.shape)} as {_named(self.order)}"


@dataclass(frozen=True)
class FoundArray:
    """An array of videos, or of one."""

    name: str
    """Name of the array's file, followed by its name inside where a file holds several."""
    reading: Reading
    videos: list[SourceVideo]


def part(array: Any, order: str, number: int, start: int, stop: int) -> np.ndarray:
    """Frames start to stop - 1 of video `number`, [time, height, width(, channel)]; nothing else of the array (NumPy's
    or HDF5's) is read."""
    places = {"N": number, "T": slice(start, stop)}
    taken = array[tuple(places.get(axis, slice(None)) for axis in order)]
    rest = order.replace("N", "")
    return taken.transpose([rest.index(axis) for axis in "THWC" if axis in rest])


def reading(name: str, facts: Facts, layout: ArrayLayout | None) -> Reading:
    """How the array called `name` is understood, whose axes `layout` says, or some of them.

    Raises NoVideos when it cannot be videos, UserError when its shape allows several readings, or none without a word.
    """
    dtype, shape = facts or (None, ())
    general = None if layout in _FULL else layout
    wanted = f"uint8 {_WANTED[general]}, with or without 1 or 3 channels last or before the height"
    if layout in _FULL:
        wanted = f"uint8 {_named(str(layout))} (preprocess.array_layout: {layout}) with 1 or 3 channels"
    if not could_be_videos(facts):
        raise NoVideos(f"{name}: wanted {wanted}, got {described(facts)}; save it so")
    if layout in _FULL:
        if not _allows(str(layout), shape):
            raise UserError(f"{name}: wanted {wanted}, got {described(facts)}; set it to the order of these axes")
        return Reading(str(layout), shape, is_said=True)
    possible = [order for order in _FULL if _allows(order, shape) and _is_visible(order, shape)]
    orders = [order for order in _OF_LAYOUT[general] if order in possible]
    orders = [order for order in orders if shape[order.index("T")] >= _LEAST_FRAMES] or orders
    if not orders and (layout or not possible):
        hint = "set preprocess.array_layout to THW if it is one grey video" if "THW" in possible else "save it so"
        raise UserError(f"{name}: wanted {wanted}, got {described(facts)}; {hint}")
    if not orders or orders == ["THW"] and not _time_leads(shape):
        raise UserError(
            f"{name}: the order of its axes {list(shape)} is not said; set preprocess.array_layout to "
            "video_time ([video, time, height, width(, channel)]), time_video (Moving MNIST), or a letter for each: "
            f"{', '.join(possible)}"
        )
    if len({_without_ones(order, shape) for order in orders}) > 1:
        raise UserError(
            f"{name}: its shape {list(shape)} may be "
            + " or ".join(f"{_named(order)} ({order})" for order in orders)
            + "; set preprocess.array_layout to the letters of the one that is meant"
        )
    promised = _OF_LAYOUT[general][0]
    return Reading(orders[0], shape, is_said=general is not None and orders[0] in (promised, f"{promised}C"))


def chosen(path: str, found: Mapping[str, Facts], pattern: str | None) -> list[str]:
    """Names of the arrays in a file that are its videos: those that `pattern` names (by themselves or behind the file's
    name), or the only one that can be, or all that can be, if their names differ only in numbers and in words for
    splits.

    Raises NoVideos when there is none, UserError when it is not said which.
    """
    file = path.rpartition("/")[2]
    named = [name for name in found if pattern is None or _is_called(file, name, pattern)]
    if not named:
        wanted = f"an array called {pattern} (preprocess.array_name)" if pattern else "an array of videos"
        raise NoVideos(f"{path}: wanted {wanted}, found {_listed(found)}")
    likely = [name for name in named if could_be_videos(found[name])]
    if pattern or len(named) == 1:
        return likely or named
    if not likely:
        raise NoVideos(f"{path}: wanted an array of videos (uint8, three axes or more), found {_listed(found)}")
    if len(likely) > 1 and len({_kind(name) for name in likely}) > 1:
        raise UserError(
            f"{path}: wanted one array of videos, found {_listed(found)}; set preprocess.array_name to the one that is "
            "meant (* stands for anything)"
        )
    return likely


def could_be_videos(facts: Facts) -> bool:
    return facts is not None and facts[0] == np.uint8 and len(facts[1]) >= 3


def described(facts: Facts) -> str:
    return f"{facts[0]} {list(facts[1])}" if facts else "no array"


def _is_called(file: str, name: str, pattern: str) -> bool:
    return matches(name, pattern) or matches(f"{file}/{name}", pattern)


def _listed(found: Mapping[str, Facts]) -> str:
    """What a file holds, first what could be videos; of names that differ in their numbers, one."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(found, key=lambda name: not could_be_videos(found[name])):
        kinds.setdefault(_kind(name), []).append(name)
    listed = [
        f"{names[0]} ({described(found[names[0]])}){f' and {len(names) - 1} like it' * (len(names) > 1)}"
        for names in kinds.values()
    ]
    if len(listed) > _MOST_NAMED:
        listed[_MOST_NAMED:] = [f"{len(listed) - _MOST_NAMED} others"]
    return ", ".join(listed) or "none"


def _kind(name: str) -> str:
    """The name without its numbers and words for splits."""
    return re.sub(
        "[a-z0-9]+", lambda word: "#" if says_split(word[0]) else re.sub(r"\d+", "#", word[0]), name.lower()
    )


def _named(order: str) -> str:
    return f"[{', '.join(_AXES[axis] for axis in order)}]"


def _allows(order: str, shape: tuple[int, ...]) -> bool:
    sizes = dict(zip(order, shape, strict=False))
    return len(order) == len(shape) and sizes.get("C", 1) in _CHANNELS and all(sizes[axis] for axis in "THW")


def _is_visible(order: str, shape: tuple[int, ...]) -> bool:
    return min(shape[order.index("H")], shape[order.index("W")]) >= _LEAST_PX


def _time_leads(shape: tuple[int, ...]) -> bool:
    """Whether of three axes the first can only be time, because with time as the last frames would have odd shapes."""
    first, middle, last = shape
    return first != middle == last or (_is_picture(middle, last) and not _is_picture(first, middle))


def _is_picture(height: int, width: int) -> bool:
    return height <= width <= 2 * height


def _without_ones(order: str, shape: tuple[int, ...]) -> str:
    """The order without axes of videos or channels that are one long: what they are called makes no difference."""
    return "".join(axis for axis, size in zip(order, shape, strict=True) if axis not in "NC" or size > 1)
