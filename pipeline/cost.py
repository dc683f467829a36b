"""What running a stage costs: time and memory, in a metric file of its own on which nothing depends."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.memory_meter import cuda_peaks, watch_resident
from pipeline.write_file import write_file

SECONDS_BETWEEN_LOOKS = 0.2


@contextmanager
def measure(path: Path, unit: str) -> Iterator[Callable[[int], None]]:
    """Writes the cost of the block to the JSON file `path`, unless the block raises; yields a function to tell how many
    `unit` ("frames", "steps") it got done.

    seconds; peak_resident_gib: most memory held at once by this process and its children (what they share counts for
    each); peak_cuda_allocated_gib, peak_cuda_reserved_gib: by tensors, and by PyTorch for them, 0 without a GPU;
    UNIT_per_second; gib_hours: the peak of the scarcer memory (reserved on the GPU where one was used, else resident)
    times the time. Of the processes that torchrun starts only the first one writes: the figures are its own, gib_hours
    those of all `processes`.
    """
    done = 0

    def count(number: int) -> None:
        nonlocal done
        done += number

    start = time.monotonic()
    with watch_resident(SECONDS_BETWEEN_LOOKS, children=True) as peak:
        yield count
    seconds = time.monotonic() - start
    if os.environ.get("RANK", "0") != "0":
        return
    allocated, reserved = cuda_peaks()
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    figures = {
        "seconds": seconds, "peak_resident_gib": peak[0] / 2**30, "peak_cuda_allocated_gib": allocated / 2**30,
        "peak_cuda_reserved_gib": reserved / 2**30, f"{unit}_per_second": done / max(seconds, 1e-9),
        "gib_hours": processes * (reserved or peak[0]) / 2**30 * seconds / 3600,
    }
    figures = {name: float(f"{value:.4g}") for name, value in figures.items()} | {"processes": processes}
    write_file(path, (json.dumps(figures, indent=2) + "\n").encode())
