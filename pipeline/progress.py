"""Shows how far a long job is: a bar on a terminal, a line now and then elsewhere, the longer it takes the rarer."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FIRST_LINE, RARER, RAREST = 5.0, 1.4, 12.0
"""Seconds until the first line; each wait is longer by that factor than the one before, but never longer than RAREST."""


class Counter(Protocol):
    """Counts finished items: `advance(count)`."""

    def __call__(self, count: int = 1) -> None: ...


@contextmanager
def progress(title: str, total: int | None, unit: str) -> Iterator[Counter]:
    """Yields a counter of `unit` (plural, such as "frames"); `total` may be None where it is not known beforehand.

    Everything goes to stderr. Without a terminal the first and the last state are always printed.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        with _bar(title, total, unit, console) as counter:
            yield counter
    else:
        lines = _Lines(title, total, unit)
        yield lines
        lines.finish()


@contextmanager
def _bar(title: str, total: int | None, unit: str, console: Console) -> Iterator[Counter]:
    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TextColumn(f"{unit}, {{task.fields[rate]}}/s"),
               TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(title, total=total, rate="-")
        start, done = time.monotonic(), 0

        def advance(count: int = 1) -> None:
            nonlocal done
            done += count
            bar.update(task, advance=count, rate=_rate(done, start))

        yield advance


class Pace:
    """When the next line is due."""

    def __init__(self) -> None:
        self._last, self._wait = time.monotonic(), FIRST_LINE

    def is_due(self) -> bool:
        """Whether a line is due; if so, counts it as printed now."""
        now = time.monotonic()
        if now - self._last < self._wait:
            return False
        self._last, self._wait = now, min(self._wait * RARER, RAREST)
        return True


class _Lines:
    def __init__(self, title: str, total: int | None, unit: str):
        self.title, self.total, self.unit = title, total, unit
        self.done, self.start, self.pace = 0, time.monotonic(), Pace()
        print(f"{title}: {'' if total is None else f'{total:,} '}{unit}", file=sys.stderr, flush=True)

    def __call__(self, count: int = 1) -> None:
        self.done += count
        if self.pace.is_due():
            left = ""
            if self.total and self.done:
                seconds = (time.monotonic() - self.start) / self.done * (self.total - self.done)
                left = f" of {self.total:,}, {seconds:.0f} s left"
            print(f"{self.title}: {self.done:,}{left}, {_rate(self.done, self.start)}/s", file=sys.stderr, flush=True)

    def finish(self) -> None:
        seconds = time.monotonic() - self.start
        print(f"{self.title}: {self.done:,} {self.unit} in {seconds:.1f} s", file=sys.stderr, flush=True)


def _rate(done: int, start: float) -> str:
    return f"{done / max(time.monotonic() - start, 1e-3):,.1f}"
