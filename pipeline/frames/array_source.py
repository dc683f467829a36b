"""Videos in NumPy's files: one or many in an array, one or several arrays in a file (.npy, .npz)."""

import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.array_axes import Facts, FoundArray, chosen, part, reading
from pipeline.frames.header_lock import HEADER_LOCK
from pipeline.frames.preprocess_params import ArrayLayout
from pipeline.frames.source_video import SourceVideo, numbered

SUFFIXES = (".npy", ".npz")

_BLOCK = 1 << 22


class CannotRead(UserError):
    """A damaged file, or one that is no array at all."""


def find_arrays(
    path: Path, name: str, layout: ArrayLayout | None, array_name: str | None, truth: Path | None, scratch: Path,
) -> list[FoundArray]:
    """The arrays of videos in the file at `path`. A packed one is unpacked into `scratch`, so that it need not fit in
    memory, unless it holds its frames one after the other and can be read as it is.

    The `truth` of an array of several videos has a leading axis of videos; that of a single one has none. Raises
    CannotRead, NoVideos, or UserError where it is not said which array is meant or what its axes are.
    """
    packed = path.suffix.lower() == ".npz"
    with _named(path):
        headers = _packed_headers(path) if packed else {path.name: _header(path)}
    facts: dict[str, Facts] = {inner: header and (header[0], header[1]) for inner, header in headers.items()}
    names = chosen(str(path), facts, array_name)
    found = []
    for inner in names:
        where = f"{path}/{inner}" if packed and len(headers) > 1 else str(path)
        read = reading(where, facts[inner], layout)
        file, member = path, inner if packed else None
        header = headers[inner]
        if packed and not (header and read.order[0] == "T" and "N" not in read.order and not header[2]):
            with _named(path):
                file, member = _unpacked(path, inner, scratch), None
        beside = truth if len(names) == 1 else None
        if beside and "N" in read.order:
            with _named(beside):
                beside = _all_unpacked(beside, scratch)
        videos = [
            SourceVideo(video, "array", file, (number, read.order, member), beside)
            for number, video in enumerate(numbered(f"{name}/{inner}" if len(names) > 1 else name, read.length("N")))
        ]
        found.append(FoundArray(where, read, videos))
    return found


def damaged(path: Path, name: str, reason: UserError) -> SourceVideo:
    """A video in the place of a file that cannot be read: reading it says so."""
    return SourceVideo(numbered(name, 1)[0], "array", path, (0, None, str(reason)))


def num_frames(video: SourceVideo) -> int:
    number, order, member = video.index
    if order is None:
        raise ValueError(member)
    if member is None:
        return _mapped(video.path).shape[order.index("T")]
    with _opened(video.path, member) as (_, (_, shape, _)):
        return shape[0]


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    """Yields frames uint8 [height, width(, channel)]. Raises OSError or ValueError."""
    number, order, member = video.index
    if order is None:
        raise ValueError(member)
    if member is None:
        array = _mapped(video.path)
        for t in range(array.shape[order.index("T")]):
            yield part(array, order, number, t, t + 1)[0]
        return
    with _opened(video.path, member) as (file, (_, shape, _)):
        length = int(np.prod(shape[1:]))
        for t in range(shape[0]):
            data = file.read(length)
            if len(data) < length:
                raise ValueError(f"it ends within frame {t} of {shape[0]}")
            yield part(np.frombuffer(data, np.uint8).reshape(1, *shape[1:]), order, 0, 0, 1)[0]


Header = tuple[np.dtype, tuple[int, ...], bool]
"""dtype, shape, and whether it is in Fortran's order."""


@contextmanager
def _opened(path: Path, member: str) -> Iterator[tuple[IO[bytes], Header]]:
    """An array in an .npz file, after its header. Raises ValueError."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open(_members(archive)[member]) as file:
            yield file, _read_header(file)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
        raise ValueError(str(error)) from error


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, ValueError, zlib.error) as error:
        kind = "an .npz file" if path.suffix.lower() == ".npz" else "a NumPy array"
        raise CannotRead(f"{path}: wanted {kind}, cannot be read ({error}); save it again") from error


def _mapped(path: Path) -> np.ndarray:
    with HEADER_LOCK:
        return np.lib.format.open_memmap(path, mode="r")


def _header(path: Path) -> Header:
    array = _mapped(path)
    return array.dtype, array.shape, not array.flags.c_contiguous


def _packed_headers(path: Path) -> dict[str, Header | None]:
    """Headers by name; None for what is no array. Raises ValueError where there are no arrays at all."""
    headers: dict[str, Header | None] = {}
    with zipfile.ZipFile(path) as archive:
        for name, member in _members(archive).items():
            with archive.open(member) as file:
                try:
                    headers[name] = _read_header(file)
                except ValueError:
                    if len(archive.namelist()) == 1:
                        raise
                    headers[name] = None
    return headers


def _members(archive: zipfile.ZipFile) -> dict[str, str]:
    return {name.removesuffix(".npy"): name for name in archive.namelist() if not name.endswith("/")}


def _read_header(file: IO[bytes]) -> Header:
    """Raises ValueError."""
    version = np.lib.format.read_magic(file)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its format {version} is unknown")
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    with HEADER_LOCK:
        shape, in_fortran_order, dtype = read(file)
    return dtype, shape, in_fortran_order


def _unpacked(path: Path, member: str, scratch: Path) -> Path:
    """Unpacks one array of an .npz file as a .npy file, block by block."""
    file = Path(tempfile.mkdtemp(dir=scratch)) / "array.npy"
    with zipfile.ZipFile(path) as archive, archive.open(_members(archive)[member]) as packed, file.open("wb") as copy:
        shutil.copyfileobj(packed, copy, _BLOCK)
    _mapped(file)  # is it whole?
    return file


def _all_unpacked(path: Path, scratch: Path) -> Path:
    """A folder with a .npy file for every array of an .npz file."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    with zipfile.ZipFile(path) as archive:
        for name, member in _members(archive).items():
            with archive.open(member) as packed, (folder / f"{Path(name).name}.npy").open("wb") as copy:
                shutil.copyfileobj(packed, copy, _BLOCK)
    return folder
