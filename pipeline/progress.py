"""Shows how far a long job is: a bar on a terminal, a line now and then elsewhere, the longer it takes the rarer."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

FIRST_LINE, RARER, RAREST = 5.0, 1.4, 12.0
"""Seconds until the first line; each wait is longer by that factor than the one before, but never longer than
RAREST."""


class Counter(Protocol):
    """Counts finished items: `advance(count)`."""

    def __call__(self, count: int = 1) -> None: ...


@contextmanager
def progress(title: str, total: int | None, unit: str) -> Iterator[Counter]:
    """Yields a counter of `unit` (plural, such as "frames"); `total` may be None where it is not known beforehand.

    Everything goes to stderr. Without a terminal the first and the last state are always printed.
    """
    with Meter(total, title=title, beside_bar=f"{unit}, -/s") as meter:
        meter.say(f"{title}: {'' if total is None else f'{total:,} '}{unit}")

        def line() -> str:
            left = f" of {total:,}, {meter.seconds_left:.0f} s left" if total and meter.done else ""
            return f"{title}: {meter.done:,}{left}, {meter.pace}"

        def advance(count: int = 1) -> None:
            meter.show(meter.done + count, lambda: f"{unit}, {meter.pace}", line)

        yield advance
        meter.say(f"{title}: {meter.done:,} {unit} in {meter.seconds:.1f} s")


class Meter:
    """The two ways of showing progress; what they say is the caller's. Use as a context manager."""

    def __init__(self, total: int | None, done: int = 0, title: str = "", beside_bar: str = "", visible: bool = True):
        """`done` of `total` were done before. A bar stands between its title and what is said beside it; what is not
        visible says nothing."""
        self.total, self.done, self._done_before, self._visible = total, done, done, visible
        self._bar, self._beside_bar = None, beside_bar
        if visible and (console := Console(stderr=True)).is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*([TextColumn(title)] if title else []), *columns, console=console)

    def __enter__(self) -> Self:
        self._start, self._pace = time.monotonic(), _Pace()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(self._beside_bar, total=self.total, completed=self.done)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, done: int, beside_bar: Callable[[], str], line: Callable[[], str], is_last: bool = False) -> None:
        """Notes that `done` are done now and shows it on the bar, or as a line if one is due or it is the last."""
        self.done = done
        if self._bar is not None:
            self._bar.update(self._task, completed=done, description=beside_bar())
        elif self._visible and (self._pace.is_due() or is_last):
            self.say(line())

    def say(self, line: str) -> None:
        """Prints a line where there is no bar."""
        if self._visible and self._bar is None:
            print(line, file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Since the start, never 0."""
        return max(time.monotonic() - self._start, 1e-3)

    @property
    def rate(self) -> float:
        """Done per second since the start."""
        return (self.done - self._done_before) / self.seconds

    @property
    def pace(self) -> str:
        """The rate in words: how many per second, or how long each takes where that is longer."""
        return f"{1 / self.rate:,.1f} s each" if 0 < self.rate < 1 else f"{self.rate:,.1f}/s"

    @property
    def seconds_left(self) -> float:
        """At the rate so far; something must be done, of a known total."""
        assert self.total is not None
        return (self.total - self.done) / self.rate


class _Pace:
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
