"""What a path holds: video files, folders of pictures, or one array of videos; the same list of videos for all of them.

Ground truth lies beside a video as NAME.truth.npz (its arrays: see frame_store); beside an array of videos, every
array of its truth has a leading video axis, and an object of size 0 does not exist.
"""

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.preprocess_params import ArrayLayout

VIDEO_SUFFIXES = (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
ARRAY_SUFFIXES = (".npy", ".npz")
TRUTH_SUFFIX = ".truth.npz"

_BLOCK = 1 << 22


@dataclass(frozen=True)
class SourceVideo:
    """One video of a source."""

    video_id: str
    """Its name within the source: the relative path; for arrays with the number of the video added."""
    kind: Literal["file", "pictures", "array"]
    path: Path
    """The video file, the folder of pictures, or the .npy file."""
    index: tuple[int, int] | None = None
    """Arrays only: the video's place on the video axis, and which axis that is (0 or 1)."""
    truth: Path | None = None
    """The truth's .npz file; for arrays a folder with one .npy per array of the truth."""

    def pictures(self) -> list[Path]:
        """The pictures of a folder, by name; numbers count as numbers (frame2 before frame10)."""
        return sorted((file for file in self.path.iterdir() if _is(file, IMAGE_SUFFIXES)), key=_natural_order)


@dataclass(frozen=True)
class Source:
    """All videos of a source in the order of their names, and the files that they consist of."""

    videos: list[SourceVideo]
    files: dict[str, Path]
    """Name within the source -> file, truth included."""

    def num_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files.values())

    def identity(self, advance: Callable[[int], None]) -> str:
        """SHA-256 over the names and bytes of all files, whatever folder the source lies in; `advance` counts bytes."""
        whole = hashlib.sha256()
        for name in sorted(self.files):
            digest = hashlib.sha256()
            with self.files[name].open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    advance(len(block))
            whole.update(f"{name}\0{digest.hexdigest()}\0".encode())
        return whole.hexdigest()


@contextmanager
def open_source(path: Path, array_layout: ArrayLayout | None) -> Iterator[Source]:
    """Finds the videos at `path` (packed arrays are unpacked for the time being, so that they need not fit in memory).

    Raises UserError when nothing is there, or an array is not uint8 [video, time, height, width(, 1 or 3)] (the first
    two axes as `array_layout` says).
    """
    if not path.exists():
        raise UserError(f"{path}: does not exist; set preprocess.source to a folder of videos, a video or an array")
    with tempfile.TemporaryDirectory() as scratch:
        if _is(path, ARRAY_SUFFIXES):
            source = _array_source(path, array_layout, Path(scratch))
        elif path.is_file():
            source = _file_source([path] if _is(path, VIDEO_SUFFIXES) else [], path.parent)
        else:
            source = _file_source(sorted(path.rglob("*"), key=_natural_order), path)
        if not source.videos:
            raise UserError(
                f"{path}: wanted videos ({' '.join(VIDEO_SUFFIXES)}), folders of pictures ({' '.join(IMAGE_SUFFIXES)}) "
                f"or an array ({' '.join(ARRAY_SUFFIXES)}), found none; check preprocess.source"
            )
        yield source


def _file_source(entries: list[Path], root: Path) -> Source:
    entries = [entry for entry in entries if not any(part.startswith(".") for part in entry.relative_to(root).parts)]
    videos, files = [], {}
    for entry in entries:
        if entry.is_file() and _is(entry, VIDEO_SUFFIXES):
            truth = _truth_beside(entry)
            videos.append(SourceVideo(entry.relative_to(root).as_posix(), "file", entry, truth=truth))
            files |= {file.relative_to(root).as_posix(): file for file in (entry, truth) if file}
    for folder in sorted({entry.parent for entry in entries if _is(entry, IMAGE_SUFFIXES)}, key=_natural_order):
        # Pictures right at the top are one video, named like the folder; its truth lies outside.
        name, truth = (folder.name if folder == root else folder.relative_to(root).as_posix()), _truth_beside(folder)
        video = SourceVideo(name, "pictures", folder, truth=truth)
        videos.append(video)
        files |= {file.relative_to(root).as_posix(): file for file in video.pictures()}
        files |= {name + TRUTH_SUFFIX: truth} if truth else {}
    return Source(videos, files)


def _array_source(path: Path, layout: ArrayLayout | None, scratch: Path) -> Source:
    if layout is None:
        raise UserError(
            f"{path}: the order of its axes is not said; set preprocess.array_layout to video_time "
            "([video, time, height, width(, channel)]) or time_video (Moving MNIST)"
        )
    data = path
    if path.suffix.lower() == ".npz":
        members = _unpack(path, scratch / "frames")
        if len(members) != 1:
            names = ", ".join(member.stem for member in members) or "none"
            raise UserError(f"{path}: wanted one array of videos, found {names}; save the frames alone")
        data = members[0]
    try:
        array = np.load(data, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: wanted a NumPy array, cannot be read ({error}); save it again") from error
    if array.dtype != np.uint8 or array.ndim not in (4, 5) or (array.ndim == 5 and array.shape[4] not in (1, 3)):
        first, second = layout.split("_")
        wanted = f"uint8 [{first}, {second}, height, width] or the same with 1 or 3 channels last"
        raise UserError(f"{path}: wanted {wanted}, got {array.dtype} {list(array.shape)}; save it so")
    axis = 0 if layout == "video_time" else 1
    count = array.shape[axis]
    files, truth = {path.name: path}, None
    if beside := _truth_beside(path):
        _unpack(beside, truth := scratch / "truth")
        files[beside.name] = beside
    digits = len(str(max(count - 1, 0)))
    return Source([
        SourceVideo(f"{path.name}/{number:0{digits}d}", "array", data, (number, axis), truth) for number in range(count)
    ], files)


def _unpack(path: Path, folder: Path) -> list[Path]:
    """Unpacks the arrays of an .npz file as .npy files, block by block."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(name).name for name in archive.namelist()]
            for member, name in zip(archive.namelist(), names, strict=True):
                with archive.open(member) as packed, (folder / name).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, _BLOCK)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        raise UserError(f"{path}: wanted an .npz file, cannot be read ({error}); save it again") from error
    return [folder / name for name in names]


def _truth_beside(path: Path) -> Path | None:
    name = path.name.removesuffix(path.suffix) if path.is_file() else path.name
    truth = path.with_name(name + TRUTH_SUFFIX)
    return truth if truth.is_file() else None


def _is(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.endswith(TRUTH_SUFFIX)


def _natural_order(path: Path) -> list:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.as_posix())]
