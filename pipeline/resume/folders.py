"""Where an interrupted stage goes on: one folder for each set of parameters, inputs and code.

The folders lie outside the stages' outputs, which DVC deletes before every run.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from pydantic import BaseModel

from pipeline.errors import Resumable, UserError

SOURCES = Path(__file__).resolve().parents[2]
NUM_KEPT = 100
"""Abandoned folders that are kept for each stage, the latest ones; a count, because clocks jump. A queue of experiments
that were all stopped at once has to fit."""
LOCK, WAITING = "lock", "waiting"
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL}
"""What file systems answer that know no locks: some network drives, FUSE, folders shared with a virtual machine."""


@contextmanager
def resume_folder(
    stage: str, params: BaseModel, inputs: dict[str, str], machine: tuple = (), num_kept: int = NUM_KEPT,
    keep_refused: bool = True,
) -> Iterator[Path]:
    """Holds the folder of this very run for one process and removes it when the block ends without an exception.

    `inputs` maps the name of each input to its identity; `machine` is what else decides the outcome's bytes; `num_kept`
    bounds the folders of this stage that other runs have abandoned; `keep_refused`: stay after every UserError of the
    block, even if the same run can only be refused again, and not just after one that is Resumable. Wrap the writing of
    the outputs too: until they are written the folder is all there is. A second process with the same run waits until
    the first is done and then takes over what it left, so neither computes twice.
    """
    folder = resume_root() / stage / fingerprint(params, inputs, machine)
    if not is_main_process():  # the first holds the folder for all
        yield folder
        return
    with hold(folder):
        _remove_old(folder, num_kept)
        try:
            yield folder
        except UserError as error:
            if not keep_refused and not isinstance(error, Resumable):
                _discard(folder)
            raise
        _remove_unless_awaited(folder)


@contextmanager
def hold(folder: Path) -> Iterator[None]:
    """Keeps other processes out of `folder` (made if need be); waits, and says so, while another one holds it.

    The system lets go of the lock when a process ends, however it ends: there are no stale locks. Raises UserError
    instead of waiting where several processes work together, for the others would not know.
    """
    lock = _lock(folder)
    try:
        yield
    finally:
        lock.close()


def is_main_process() -> bool:
    """True in the one process that writes files (torchrun starts several)."""
    return int(os.environ.get("RANK", "0")) == 0


def fingerprint(params: BaseModel, inputs: dict[str, str], machine: tuple = ()) -> str:
    """Hash of all that decides the outcome: parameters, inputs, the code loaded by now, and `machine`."""
    text = json.dumps([params.model_dump(mode="json"), inputs, _loaded_code(), machine], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def resume_root() -> Path:
    """The folder that holds all of them."""
    # DVC_ROOT is the main workspace in queued and temporary experiments too.
    named = os.environ.get("LAYERCAST_RESUME_DIR")
    return Path(named).expanduser() if named else Path(os.environ.get("DVC_ROOT", ".")) / ".resume"


@dataclass(frozen=True)
class Interrupted:
    """The folder of a run that has not ended."""

    name: str
    """STAGE/FINGERPRINT."""
    path: Path
    num_bytes: int
    last_written: float
    """Seconds since 1970."""

    @property
    def in_use(self) -> bool:
        return _is_locked(self.path)


def list_interrupted() -> list[Interrupted]:
    """All folders, the latest first. Other processes may write in them and remove them meanwhile."""
    found = []
    for path in resume_root().glob("*/*"):
        files = [Path(folder) / name for folder, _, names in os.walk(path) for name in names]
        if facts := _facts(files) or _facts([path]):
            num_bytes, latest = sum(fact.st_size for fact in facts), max(fact.st_mtime for fact in facts)
            found.append(Interrupted(path.relative_to(resume_root()).as_posix(), path, num_bytes, latest))
    return sorted(found, key=lambda folder: (-folder.last_written, folder.name))


def _facts(paths: list[Path]) -> list[os.stat_result]:
    """What the system says of those paths that are still there."""
    facts = []
    for path in paths:
        with suppress(FileNotFoundError):
            facts.append(path.stat())
    return facts


def remove(folder: Path) -> bool:
    """Removes a folder unless a process holds it; returns whether it did."""
    try:
        with _try_lock(folder):
            _discard(folder)
        return True
    except (BlockingIOError, FileNotFoundError):
        return False


def _remove_old(current: Path, num_kept: int) -> None:
    others = [other.path for other in list_interrupted()
              if other.path.parent == current.parent and other.path != current]
    for old in others[num_kept:]:
        remove(old)


def _remove_unless_awaited(folder: Path) -> None:
    with (folder / WAITING).open("a") as waiting:
        try:
            _flock(waiting, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process waits for the very same, and takes it from here
        _discard(folder)


def _discard(folder: Path) -> None:
    """Removes it in one step for all others: while files go one by one somebody might put a new lock among them."""
    aside = folder.rename(folder.with_name(f"{folder.name}.removed-{os.getpid()}"))
    with suppress(OSError):  # NFS keeps a file, under another name, while somebody has it open; the next run clears up
        shutil.rmtree(aside)


def _lock(folder: Path) -> TextIO:
    """Returns the open lock file."""
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            try:
                return _try_lock(folder)
            except BlockingIOError as error:
                if os.environ.get("WORLD_SIZE", "1") != "1":
                    raise UserError(f"{folder}: another run is at the very same; wait until it is done") from error
                _wait(folder)
        except FileNotFoundError:
            pass  # its former holder was done and removed the folder just now


def _wait(folder: Path) -> None:
    # NFS wants a file open for writing to lock it alone, for reading to share it
    with (folder / WAITING).open("a+") as waiting, (folder / LOCK).open("r+") as lock:
        _flock(waiting, fcntl.LOCK_SH)
        print(f"process {lock.read() or '?'} is at the very same (parameters, inputs and code); waiting for it",
              file=sys.stderr, flush=True)
        _flock(lock, fcntl.LOCK_EX)


def _try_lock(folder: Path) -> TextIO:
    """Returns the open lock file. Raises BlockingIOError when another process holds it, FileNotFoundError when it goes
    away."""
    file = (folder / LOCK).open("a")
    try:
        _flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_ino != (folder / LOCK).stat().st_ino:
            raise FileNotFoundError(folder)
    except (OSError, UserError):
        file.close()
        raise
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file


def _flock(file: TextIO, operation: int) -> None:
    """Raises BlockingIOError when another process holds the lock, UserError where the file system has none."""
    try:
        fcntl.flock(file, operation)
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        raise UserError(
            f"{file.name}: cannot be locked, its file system has no locks ({error.strerror}); "
            "set LAYERCAST_RESUME_DIR to a folder on a disk of this machine"
        ) from error


def _is_locked(folder: Path) -> bool:
    try:
        with (folder / LOCK).open() as file:
            _flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def _loaded_code() -> dict[str, str]:
    """Hash of every source file of ours that is loaded, by its path from the repository's root."""
    names = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    files = {Path(name).resolve() for name in names if name}
    rooms = (SOURCES / "pipeline", SOURCES / "stages")
    ours = [file for file in files if any(file.is_relative_to(room) for room in rooms)]
    return {file.relative_to(SOURCES).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest() for file in ours}
