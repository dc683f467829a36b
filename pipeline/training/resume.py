"""Where an interrupted training goes on: one folder for each set of parameters, inputs and code.

The folder lies outside the stage's outputs, which DVC deletes before every run.
"""

import fcntl
import hashlib
import json
import os
import pickle
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import BaseModel

from pipeline.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
CHECKPOINT = "checkpoint.pt"


@contextmanager
def resume_folder(stage: str, params: BaseModel, inputs: dict[str, str]) -> Iterator[Path]:
    """Holds the folder of this very training for one process and removes it when the block ends without an exception.

    `inputs` maps the name of each input to its identity. Wrap the writing of the weights too: until they are written
    the checkpoint is all there is. Raises UserError when another process is at the same training.
    """
    folder = _resume_root() / stage / fingerprint(params, inputs)
    if not is_main_process():  # the first holds the folder for all
        yield folder
        return
    with hold(folder):
        yield folder
        shutil.rmtree(folder)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other processes out of `folder` (made if need be). Raises UserError when another one holds it.

    The system lets go of the lock when this process ends, however it ends: there are no stale locks.
    """
    lock = _lock(folder)
    try:
        yield
    finally:
        lock.close()


def is_main_process() -> bool:
    """True in the one process that writes files (torchrun starts several)."""
    return int(os.environ.get("RANK", "0")) == 0


def fingerprint(params: BaseModel, inputs: dict[str, str]) -> str:
    """Hash of all that decides the outcome: parameters, inputs, the code loaded by now, PyTorch, devices, processes."""
    machine = [torch.__version__, torch.cuda.is_available(), os.environ.get("WORLD_SIZE", "1")]
    text = json.dumps([params.model_dump(mode="json"), inputs, _loaded_code(), machine], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def save_checkpoint(folder: Path, state: dict) -> None:
    """Writes tensors, numbers, lists and dicts in one step: a reader finds the former checkpoint or this one, whole."""
    partial = folder / (CHECKPOINT + ".partial")
    with partial.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, folder / CHECKPOINT)


def load_checkpoint(folder: Path) -> dict | None:
    """Returns what `save_checkpoint` wrote, or None when there is nothing (or nothing readable) to go on from."""
    try:
        return torch.load(folder / CHECKPOINT, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return None
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = str(error).split("\n")[0]
        print(f"{folder / CHECKPOINT}: unreadable ({reason}); starting afresh", file=sys.stderr)
        return None


def _resume_root() -> Path:
    # DVC_ROOT is the main workspace in queued and temporary experiments too.
    return Path(os.environ.get("LAYERCAST_RESUME_DIR") or Path(os.environ.get("DVC_ROOT", ".")) / ".resume")


def _lock(folder: Path):
    """Returns the open lock file."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = (folder / "lock").open("w")
        except FileNotFoundError:
            continue  # its former holder was done and removed the folder just now
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file.fileno()).st_ino == (folder / "lock").stat().st_ino:
                return file
        except BlockingIOError as error:
            file.close()
            raise UserError(
                f"{folder}: another process is at this very training (same parameters, inputs and code); "
                "wait until it is done or stop it"
            ) from error
        except FileNotFoundError:
            pass
        file.close()  # as above, a moment later


def _loaded_code() -> dict[str, str]:
    """Hash of every source file of ours that is loaded, by its path from the repository's root."""
    modules = [module for module in list(sys.modules.values()) if getattr(module, "__file__", None)]
    files = {Path(module.__file__).resolve() for module in modules}
    ours = [file for file in files if file.is_relative_to(ROOT / "pipeline") or file.is_relative_to(ROOT / "stages")]
    return {file.relative_to(ROOT).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in ours}
