"""States on disk that a killed run goes on from: tensors, numbers, lists and dicts, whole and unaltered or not at
all."""

import hashlib
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.write_file import write_file

_DIGEST_BYTES = 32


def machine() -> tuple:
    """What decides the bytes of a result beside parameters, inputs and code: PyTorch, devices, processes, threads."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"
    return torch.__version__, device, os.environ.get("WORLD_SIZE", "1"), torch.get_num_threads()


def save_state(path: Path, state: dict) -> None:
    """Writes in one step. The file starts with the SHA-256 of the rest."""
    content = io.BytesIO()
    torch.save(state, content)
    write_file(path, hashlib.sha256(content.getbuffer()).digest(), content.getbuffer())


def load_state(path: Path) -> dict | None:
    """Returns what `save_state` wrote, or None when there is nothing, or nothing unaltered, to go on from."""
    try:
        with path.open("rb") as file:
            digest, content = file.read(_DIGEST_BYTES), file.read()
    except FileNotFoundError:
        return None
    try:
        if digest != hashlib.sha256(content).digest():
            raise ValueError("its bytes are not those that were written")
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except (RuntimeError, ValueError) as error:
        print(f"{path}: not used ({str(error).splitlines()[0]}); starting afresh", file=sys.stderr)
        return None


def remembered(
    path: Path, compute: Callable[[], dict[str, torch.Tensor]], found: Callable[[], None], keep: bool = True,
) -> dict[str, torch.Tensor]:
    """What `compute` returns: from `path`, and `found` is called, when an interrupted run left it there; else computed
    and, if it is this process's to `keep`, left there."""
    state = load_state(path)
    if state is not None:
        found()
        return state
    state = compute()
    if keep:
        save_state(path, state)
    return state
