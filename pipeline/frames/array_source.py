"""One array of many videos, or of a single one in colour or with one channel (.npy, .npz)."""

import shutil
import sys
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.preprocess_params import ArrayLayout
from pipeline.frames.source_video import SourceVideo, numbered

SUFFIXES = (".npy", ".npz")

_BLOCK = 1 << 22


def find_videos(path: Path, layout: ArrayLayout | None, truth: Path | None, scratch: Path) -> list[SourceVideo]:
    """The videos of the array at `path`; packed arrays are unpacked into `scratch`, so that they need not fit in
    memory.

    [time, height, width, 1 or 3], without an axis of videos, is one video whatever the layout, and a line says so.
    Raises UserError when it is not uint8 [video, time, height, width(, 1 or 3)] (the first two axes as `layout` says).
    """
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
    if truth:
        _unpack(truth, unpacked := scratch / "truth")
    if array.ndim == 4 and array.shape[3] in (1, 3):
        shape = f"{list(array.shape)} as [time, height, width, channel]"
        print(f"{path}: taken for one video of {len(array)} frames, {shape}", file=sys.stderr)
        name = numbered(path.name, 1)[0]
        return [SourceVideo(name, "array", data, (0, None), unpacked if truth else None)] if len(array) else []
    axis = 0 if layout == "video_time" else 1
    return [
        SourceVideo(name, "array", data, (number, axis), unpacked if truth else None)
        for number, name in enumerate(numbered(path.name, array.shape[axis]))
    ]


def num_frames(video: SourceVideo) -> int:
    return len(_array(video))


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    yield from _array(video)


def _array(video: SourceVideo) -> np.ndarray:
    """[time, height, width(, channel)], still on disk."""
    number, axis = video.index
    array = np.load(video.path, mmap_mode="r", allow_pickle=False)
    if axis is None:
        return array
    return array[number] if axis == 0 else array[:, number]


def _unpack(path: Path, folder: Path) -> list[Path]:
    """Unpacks the arrays of an .npz file as .npy files, block by block."""
    folder.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            names = [Path(name).name for name in archive.namelist()]
            for member, name in zip(archive.namelist(), names, strict=True):
                with archive.open(member) as packed, (folder / name).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, _BLOCK)
    except (OSError, zipfile.BadZipFile, EOFError, RuntimeError, zlib.error) as error:
        raise UserError(f"{path}: wanted an .npz file, cannot be read ({error}); save it again") from error
    return [folder / name for name in names]
