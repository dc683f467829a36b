"""How far training is, with its losses, its rate and what it holds in memory."""

import math
from typing import Self

from pipeline.memory_meter import cuda_peaks, most_resident
from pipeline.progress import Meter


class TrainingProgress:
    """Shows loss, frames/s, peak memory and time left. Use as a context manager; call `update` after every step."""

    def __init__(self, num_steps: int, first_step: int, num_frames_per_step: int, visible: bool):
        self._meter = Meter(num_steps, done=first_step, visible=visible)
        self._num_steps, self._num_frames = num_steps, num_frames_per_step

    def __enter__(self) -> Self:
        self._meter.__enter__()
        self._meter.say(f"training: {self._num_steps - self._meter.done} steps to go")
        return self

    def __exit__(self, *exception: object) -> None:
        self._meter.__exit__(*exception)

    def update(self, num_done: int, losses: dict[str, float]) -> None:
        """`num_done` counts steps from the very first; `losses` are the figures worth showing."""
        def figures() -> str:
            shown = "  ".join(f"{name} {value:.4g}" for name, value in losses.items() if math.isfinite(value))
            rate, memory = self._meter.rate * self._num_frames, (cuda_peaks()[0] or most_resident()) / 2**30
            return f"{shown}  {rate:,.0f} frames/s  {memory:.2f} GiB"

        def line() -> str:
            return f"step {num_done}/{self._num_steps}  {figures()}  {self._meter.seconds_left:.0f} s left"

        self._meter.show(num_done, figures, line, is_last=num_done == self._num_steps)
