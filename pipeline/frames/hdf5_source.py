"""Videos in HDF5 files, in the two layouts that published data sets come in (others: hdf5_array_source).

VideoGPT: `train_data` and `test_data` uint8 [frame, height, width, channel], all videos one after the other, and
`train_idx`, `test_idx`, the place where each video starts. MCVD: a file is a shard; `len/N` says how many frames video
N has, and `N/0`, `N/1`, ... are its frames, uint8 [height, width(, channel)].
"""

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import UserError
from pipeline.frames.source_video import SourceVideo, numbered

SUFFIXES = (".hdf5", ".h5")


def find_videos(path: Path, name: str) -> list[SourceVideo]:
    """The videos of the file at `path`, VideoGPT's named by split; none when it has neither layout. Raises UserError
    when it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            if isinstance(file.get("len"), h5py.Group):
                return _of_shard(file, path, name)
            return [video for split in ("train", "test") if _has_frames(file.get(f"{split}_data"))
                    for video in _of_split(file, path, name, split)]
    except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise unreadable(path, error) from error


def num_frames(video: SourceVideo) -> int:
    return video.index[2] - video.index[1]


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    """Yields frames uint8 [height, width(, channel)]. Raises OSError or ValueError."""
    name, start, stop = video.index
    with h5py.File(video.path, "r") as file:
        for number in range(start, stop):
            try:
                frame = file[name][number if isinstance(file[name], h5py.Dataset) else str(number)][()]
            except (KeyError, AttributeError, TypeError) as error:
                raise ValueError(f"frame {number} of '{name}' is not there") from error
            has_channels = frame.ndim == 2 or (frame.ndim == 3 and frame.shape[2] in (1, 3))
            if frame.dtype != np.uint8 or not has_channels:
                raise ValueError(f"frame {number} of '{name}' is {frame.dtype} {list(frame.shape)}, wanted uint8 "
                                 "[height, width] or the same with 1 or 3 channels last")
            yield frame


def unreadable(path: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split())
    return UserError(f"{path}: wanted videos in HDF5, cannot be read ({reason}); get or make it again")


def _has_frames(data: h5py.Group | h5py.Dataset | None) -> bool:
    """Whether it is an array of frames, not one of videos."""
    return isinstance(data, h5py.Dataset) and data.ndim < 5


def _of_split(file: h5py.File, path: Path, name: str, split: str) -> list[SourceVideo]:
    data, starts = f"{split}_data", file[f"{split}_idx"][()].astype(int).tolist()
    limits = [*starts, len(file[data])]
    if limits != sorted(limits) or limits[0] < 0:
        raise ValueError(f"{split}_idx does not rise from 0 to the {len(file[data])} frames of {data}")
    return [
        SourceVideo(video, "hdf5", path, (data, limits[number], limits[number + 1]))
        for number, video in enumerate(numbered(f"{name}/{split}", len(starts)))
    ]


def _of_shard(file: h5py.File, path: Path, name: str) -> list[SourceVideo]:
    numbers = sorted(file["len"], key=int)
    return [
        SourceVideo(video, "hdf5", path, (number, 0, int(file["len"][number][()])))
        for number, video in zip(numbers, numbered(name, len(numbers)), strict=True)
    ]
