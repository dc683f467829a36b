"""Where a whole data set lies during training: in memory, or on disk when it is too much for that."""

import errno
import os
import shutil
import sys
from pathlib import Path

import psutil
import torch
from torch import Tensor

from pipeline.errors import writing

SHARE_OF_MEMORY = 0.25
"""Share of the machine's memory; a data set that takes more is mapped from disk."""


def allocate(wanted: dict[str, tuple[tuple[int, ...], torch.dtype]], folder: Path) -> dict[str, Tensor]:
    """Tensors to fill, by name, of the wanted shapes and types.

    Together up to SHARE_OF_MEMORY they lie in memory. Larger ones are files in `folder`, mapped into memory: the system
    fetches what is read and drops it again when memory runs short. Raises UserError when the disk has no room for them.
    """
    num_bytes = {name: torch.Size(shape).numel() * dtype.itemsize for name, (shape, dtype) in wanted.items()}
    if sum(num_bytes.values()) <= SHARE_OF_MEMORY * psutil.virtual_memory().total:
        return {name: torch.empty(shape, dtype=dtype) for name, (shape, dtype) in wanted.items()}
    print(f"{sum(num_bytes.values()) / 2**30:.2f} GiB of training data are mapped from {folder}", file=sys.stderr)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for name, (shape, dtype) in wanted.items():
        path = folder / f"{name}.bin"
        with writing(path), path.open("ab") as file:
            _reserve(file.fileno(), folder, max(1, num_bytes[name]))
        size = torch.Size(shape).numel()
        tensors[name] = torch.from_file(str(path), shared=True, size=size, dtype=dtype).view(shape)
    return tensors


def _reserve(file: int, folder: Path, num_bytes: int) -> None:
    """Makes an open, empty file that long. Raises OSError now where the disk has no room for it: a mapped file would
    crash later."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, num_bytes)
        return
    if shutil.disk_usage(folder).free < num_bytes:  # macOS: nothing holds the room, but what is there is known
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.truncate(file, num_bytes)
