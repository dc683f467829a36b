"""Makes a process ready for training."""

import os

import torch

from pipeline.freed_memory import keep_freed_memory
from pipeline.processes import processes


def prepare_process(seed: int) -> None:
    """Makes this process ready for fast, repeatable training; call it first in a training stage, before the model is
    made.

    Equal runs give equal bytes on the same kind of machine with the same number of threads.
    """
    keep_freed_memory()
    torch.set_flush_denormal(True)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is repeatable only with a fixed workspace
    # An operation that has no repeatable form on the GPU gives a warning there rather than ending the training.
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # made at run time
    torch.manual_seed(seed)
    processes()
