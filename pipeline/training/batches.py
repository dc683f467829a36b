"""The batches of a training: which of their rows fall to this process, and when they are made."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from pipeline.errors import UserError
from pipeline.processes import processes


def batch_share(num_rows: int) -> slice:
    """The rows of a batch of `num_rows` that fall to this process. Raises UserError when they do not divide evenly."""
    state = processes()
    share, rest = divmod(num_rows, state.num_processes)
    if rest:
        raise UserError(
            f"a batch of {num_rows} clips cannot be shared evenly by {state.num_processes} processes; "
            "change the batch or the number of processes"
        )
    return slice(state.process_index * share, (state.process_index + 1) * share)


def batches_of(make_batch: Callable[[int], Any], steps: range, device: torch.device) -> Iterator[Any]:
    """The batch of each step. Beside a GPU the next one is made while it works; a CPU has no time to spare for that."""
    if device.type == "cpu":
        yield from map(make_batch, steps)
        return
    with ThreadPoolExecutor(1) as pool:
        ahead = None
        for step in steps:
            batch = make_batch(step) if ahead is None else ahead.result()
            ahead = pool.submit(make_batch, step + 1) if step + 1 in steps else None
            yield batch
