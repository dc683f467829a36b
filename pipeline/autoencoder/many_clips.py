"""Takes many clips apart. On a CPU this is done by several processes: the operations are small, and the threads of a
single process would wait for one another's Python."""

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.proposals import Proposals, concatenate, propose
from pipeline.errors import UserError
from pipeline.frames.pixels import to_unit
from pipeline.freed_memory import keep_freed_memory

WORTH_PROCESSES = 64
"""Fewest clips for which processes are started: that takes some seconds, in which a core takes ten or twenty apart."""
MOST_PROCESSES = 8
"""Each process holds about 0.2 GiB of its own (measured at 64x64 px), which a laptop has to have beside all else."""
_AHEAD = 2
"""Clips that wait for each process, so that none stands idle."""

TakeApart = Callable[[Iterable[np.ndarray]], Iterator[tuple[np.ndarray, Proposals]]]
"""Takes batches of clips, uint8 [B, T, H, W, C], and yields each of them with its proposals, in order."""


@contextmanager
def taking_apart(params: ProposalParams, scenes: Tensor, device: torch.device, num_clips: int) -> Iterator[TakeApart]:
    """Yields a function that takes batches of clips apart, with the same result as `propose`. num_clips: how many will
    come in all. Batches are asked for ahead, but no more of them than keep every core busy. Raises UserError when a
    process is killed."""
    num_processes = min(MOST_PROCESSES, torch.get_num_threads()) if device.type == "cpu" else 1
    if num_processes < 2 or num_clips < WORTH_PROCESSES:
        yield lambda batches: ((clips, propose(to_unit(clips).to(device), params, scenes)) for clips in batches)
        return
    # a process that is forked from this one could wait for ever for a lock of a thread that it lacks
    context = multiprocessing.get_context("spawn" if os.name == "nt" else "forkserver")
    pool = ProcessPoolExecutor(num_processes, context, _begin, (params, scenes.numpy()))
    try:
        yield lambda batches: _in_order(pool, batches, _AHEAD * num_processes)
    except BrokenProcessPool as error:
        raise UserError("a process that takes clips apart was killed, most likely for want of memory: wanted one for "
                        f"each of {num_processes} threads; set OMP_NUM_THREADS=1 to take one clip at a time") from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_order(
    pool: ProcessPoolExecutor, batches: Iterable[np.ndarray], ahead: int,
) -> Iterator[tuple[np.ndarray, Proposals]]:
    """Clips and proposals of each batch, as TakeApart; up to `ahead` clips are given to the pool in advance."""
    pending = deque[tuple[np.ndarray, list[Future[dict[str, np.ndarray]]]]]()

    def first() -> tuple[np.ndarray, Proposals]:
        clips, futures = pending.popleft()
        return clips, concatenate([Proposals.of(_each(torch.from_numpy, future.result())) for future in futures])

    for clips in batches:
        pending.append((clips, [pool.submit(_take_apart, clip) for clip in clips]))
        if sum(len(futures) for _, futures in pending) > ahead:
            yield first()
    while pending:
        yield first()


_given: list = []
"""In a process of the pool: what all clips are taken apart with."""


def _begin(params: ProposalParams, scenes: np.ndarray) -> None:
    """Makes a process of the pool ready."""
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the one that started this process decides
    _given[:] = params, torch.from_numpy(scenes)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends this process when its parent is gone: a parent that was killed tells nobody."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    multiprocessing.connection.wait([parent.sentinel])
    os._exit(1)


def _take_apart(clip: np.ndarray) -> dict[str, np.ndarray]:
    # arrays go through a pipe; tensors would take shared memory, of which containers often have little
    return _each(Tensor.numpy, propose(to_unit(clip[None]), *_given).tensors())


def _each(change: Callable, named: dict) -> dict:
    return {name: change(x) for name, x in named.items()}
