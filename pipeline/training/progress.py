"""How far training is: a live bar on a terminal, a line now and then without one."""

import math
import resource
import sys
import time

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.progress import Pace


class TrainingProgress:
    """Shows loss, frames/s, peak memory and time left. Use as a context manager; call `update` after every step."""

    def __init__(self, num_steps: int, first_step: int, num_frames_per_step: int, visible: bool):
        self._num_steps, self._first_step, self._num_frames = num_steps, first_step, num_frames_per_step
        self._visible = visible
        self._bar = None
        if visible and Console(stderr=True).is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True))

    def __enter__(self) -> "TrainingProgress":
        self._start, self._pace = time.monotonic(), Pace()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task("", total=self._num_steps, completed=self._first_step)
        elif self._visible:
            print(f"training: {self._num_steps - self._first_step} steps to go", file=sys.stderr, flush=True)
        return self

    def __exit__(self, *exception) -> None:
        if self._bar is not None:
            self._bar.stop()

    def update(self, num_done: int, losses: dict[str, float]) -> None:
        """`num_done` counts steps from the very first; `losses` are the figures worth showing."""
        if not self._visible or (self._bar is None and not self._pace.is_due() and num_done < self._num_steps):
            return
        rate = (num_done - self._first_step) / max(time.monotonic() - self._start, 1e-9)
        figures = "  ".join(f"{name} {value:.4g}" for name, value in losses.items() if math.isfinite(value))
        text = f"{figures}  {rate * self._num_frames:,.0f} frames/s  {_peak_memory():.2f} GiB"
        if self._bar is not None:
            self._bar.update(self._task, completed=num_done, description=text)
        else:
            left = (self._num_steps - num_done) / rate
            print(f"step {num_done}/{self._num_steps}  {text}  {left:.0f} s left", file=sys.stderr, flush=True)


def _peak_memory() -> float:
    """Most memory held at once so far, GiB: on the GPU where there is one, else resident."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss counts bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
