"""How much memory is held: resident, and on the GPU where there is one. Everything in bytes."""

import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


def resident(children: bool = False) -> int:
    """What this process holds now, or it and its children together; memory that they share counts for each."""
    total = 0
    for process in (psutil.Process(), *(psutil.Process().children(recursive=True) if children else ())):
        try:
            total += process.memory_info().rss
        except psutil.Error:
            pass  # a child that has just ended
    return total


def most_resident() -> int:
    """The most that this process alone has ever held."""
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss counts bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


@contextmanager
def watch_resident(seconds_between_looks: float, children: bool = False) -> Iterator[list[int]]:
    """Looks at the resident memory now and then; its peak within the block is the one entry of the list."""
    peak, stop = [resident(children)], threading.Event()

    def look() -> None:
        while not stop.wait(seconds_between_looks):
            peak[0] = max(peak[0], resident(children))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
        peak[0] = max(peak[0], resident(children))


def cuda_peaks() -> tuple[int, int]:
    """The most that tensors, and that PyTorch for them, have held on the GPU; 0 without one. A process that has not
    loaded PyTorch used none."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return 0, 0
    return torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
