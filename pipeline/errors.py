"""How a command ends: in one line where the mistake is the user's to mend, and together with what started it."""

import ctypes
import errno
import multiprocessing
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(ValueError):
    """A mistake the user can mend: its text is one line with what was wanted, what came, where, and what to do."""


class Resumable(UserError):
    """An error after which the same run may go on, once it is mended: what the run has done stays."""


class CannotWrite(Resumable):
    """The disk is full, say."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """What every command runs in: a UserError becomes one line on stderr and exit code 2, anything else keeps its
    traceback.

    A stage must not outlive the DVC that runs it, which would start it a second time beside itself.
    """
    if "DVC_STAGE" in os.environ:
        end_with_parent()
    try:
        yield
    except UserError as error:
        # a file that could not be unpacked for want of room is not at fault
        reason = None if isinstance(error, CannotWrite) else _no_room(error.__cause__)
        print(f"error: {' '.join((reason or str(error)).split())}", file=sys.stderr)  # names of files may hold anything
        raise SystemExit(2) from error
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and not _OUT_OF_MEMORY.search(str(error)):
            raise
        text = "this needs more memory than there is; lower batch_size or the sizes in params.yaml"
        print(f"error: {text}", file=sys.stderr)
        raise SystemExit(2) from error
    except OSError as error:
        if (reason := _no_room(error)) is None:
            raise
        print(f"error: {reason}", file=sys.stderr)
        raise SystemExit(2) from error


_OUT_OF_MEMORY = re.compile("out of memory|allocate memory", re.IGNORECASE)  # what PyTorch says
REFUSALS_TO_WRITE = {
    errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM,
    errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP,
}
_NO_TEMPORARY_FOLDER = "No usable temporary directory"  # what Python says of folders that are full as well


def _no_room(error: BaseException | None) -> str | None:
    """One line on a full disk that nobody has named (see `writing`), most likely that of temporary files; None: it is
    another error."""
    if not isinstance(error, OSError):
        return None
    if _NO_TEMPORARY_FOLDER in str(error):
        return f"temporary files find no room ({error.strerror}); make some, or set TMPDIR to another folder"
    if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return None
    full = error.filename or f"{tempfile.gettempdir()} (temporary files) or another folder"
    return f"{full}: {error.strerror}; make room, or set TMPDIR to another folder, then run the same again"


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns the system's refusal to write what belongs to `path` (a full disk, say) into a CannotWrite that names
    it.

    Raises UserError, before anything is written, when it begins with a home directory that the shell left as it is (in
    `--output=~/forecast`, say): a folder called ~ is nobody's wish.
    """
    if path.parts[:1] == ("~",):
        raise UserError(f"{path}: the shell has left ~ as it is; write {path.expanduser()}")
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSALS_TO_WRITE:
            raise
        raise CannotWrite(
            f"{path}: cannot be written ({error.strerror}); make room or choose another place, then run the same again"
        ) from error


def end_with_parent() -> None:
    """Has Linux send this process SIGTERM when the one that started it ends, even if that was killed and could tell
    nobody."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # linux/prctl.h
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)
    parent = multiprocessing.parent_process()
    if parent is not None and not parent.is_alive():  # it ended before it could be asked for
        raise SystemExit(1)
