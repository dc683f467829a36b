"""Makes a process ready for training."""

import ctypes
import os

import torch

from pipeline.processes import processes


def prepare_process(seed: int) -> None:
    """Makes this process ready for fast, repeatable training; call it first in a training stage, before the model is
    made.

    Equal runs give equal bytes on the same kind of machine with the same number of threads.
    """
    _keep_freed_memory()
    torch.set_flush_denormal(True)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS is repeatable only with a fixed workspace
    # An operation that has no repeatable form on the GPU gives a warning there rather than ending the training.
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # made at run time
    torch.manual_seed(seed)
    processes()


def _keep_freed_memory() -> None:
    """Tells glibc to keep freed memory: giving large tensors back and fetching them again costs a third of a step."""
    m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return  # another C library
    mallopt(m_mmap_max, 0)
    mallopt(m_trim_threshold, 2**31 - 1)
