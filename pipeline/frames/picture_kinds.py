"""Which pictures of a folder are the frames of one video: those whose names differ only in their number.

A number is a run of digits, with decimals, or a date with a time of day. Where two numbers of a name vary and the same
frame number comes back (cam0_01, cam0_02, cam1_01, cam1_02), there are several videos as well.
"""

import glob
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_NUMBER = re.compile(
    r"(?:19|20)\d\d[-_.]?\d\d[-_.]?\d\d(?:[-_ T.]+\d\d[-_.:h]?\d\d(?:[-_.:m]?\d\d(?:[.,]\d+)?)?)?(?!\d)|\d+(?:\.\d+)?"
)
_MOST_NAMED = 4


def matches(name: str, pattern: str | None) -> bool:
    """Whether the file called `name` is chosen by `pattern`, in which * stands for anything; None: all are."""
    return pattern is None or fnmatchcase(name.lower(), pattern.lower())


def patterns(names: Iterable[str]) -> list[str]:
    """One pattern for each kind of picture among the files called so; a folder of one video has one."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for name in names:
        stem, _, suffix = name.rpartition(".")
        family = {"jpeg": "jpg", "tiff": "tif"}.get(suffix.lower(), suffix.lower())
        alike.setdefault((*_NUMBER.split(stem), family), []).append(name)
    return [pattern for key, group in alike.items() for pattern in _patterns(list(key[:-1]), group)]


def naming(found: list[str]) -> str:
    """The patterns, for a line of text."""
    more = f" and {len(found) - _MOST_NAMED} more" if len(found) > _MOST_NAMED else ""
    return ", ".join(f"'{pattern}'" for pattern in found[:_MOST_NAMED]) + more


def _patterns(texts: list[str], names: list[str]) -> list[str]:
    """The patterns of names that have these texts between their numbers."""
    numbers = [tuple(_NUMBER.findall(name.rpartition(".")[0])) for name in names]
    suffixes = {name.rpartition(".")[2].lower() for name in names}
    suffix = suffixes.pop() if len(suffixes) == 1 else "*"
    columns = list(zip(*numbers, strict=True))
    varying = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    if len(varying) < 2:
        return [_pattern(texts, suffix, numbers[0], varying)]
    frame = max(varying, key=lambda place: (len(set(columns[place])), place))
    if len(set(columns[frame])) == len(names):
        return [_pattern(texts, suffix, numbers[0], varying)]
    kinds = dict.fromkeys(tuple(n for place, n in enumerate(row) if place != frame) for row in numbers)
    return [_pattern(texts, suffix, (*kind[:frame], "", *kind[frame:]), [frame]) for kind in kinds]


def _pattern(texts: list[str], suffix: str, numbers: tuple[str, ...], varying: list[int]) -> str:
    shown = ["*" if place in varying else number for place, number in enumerate(numbers)]
    return "".join(glob.escape(text) + number for text, number in zip(texts, [*shown, ""], strict=True)) + f".{suffix}"
