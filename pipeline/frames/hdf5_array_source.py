"""Videos in HDF5 files as plain arrays, wherever in the file and whatever they are called."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np

from pipeline.errors import UserError
from pipeline.frames.array_axes import Facts, FoundArray, Reading, chosen, part, reading
from pipeline.frames.hdf5_source import unreadable
from pipeline.frames.preprocess_params import ArrayLayout
from pipeline.frames.source_video import SourceVideo, numbered

_PART = 1 << 24
"""Bytes that are read at once."""
_NUM_SAMPLES = 4


def find_arrays(path: Path, name: str, layout: ArrayLayout | None, array_name: str | None) -> list[FoundArray]:
    """The plain arrays of videos in the file at `path`; where nothing says their axes, videos come first.

    Raises NoVideos, or UserError where the file cannot be read, or it is not said which array is meant or what its axes
    are.
    """
    facts: dict[str, Facts] = {}

    def add(inner: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            try:
                facts[inner] = item.dtype, item.shape or ()
            except TypeError:  # of a kind that NumPy does not know
                facts[inner] = None

    found = []
    try:
        with h5py.File(path, "r") as file:
            file.visititems(add)
            names = chosen(str(path), facts, array_name)
            for inner in names:
                array = file[inner]
                read = reading(f"{path}/{inner}", facts[inner], layout or ("video_time" if array.ndim > 3 else None))
                if layout is None:
                    _refuse_time_first(f"{path}/{inner}", array, read)
                    read = replace(read, is_said=False)
                videos = [
                    SourceVideo(video, "hdf5_array", path, (inner, number, read.order))
                    for number, video in enumerate(
                        numbered(f"{name}/{inner}" if len(names) > 1 else name, read.length("N")))
                ]
                found.append(FoundArray(f"{path}/{inner}", read, videos))
    except UserError:
        raise
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise unreadable(path, error) from error
    return found


def num_frames(video: SourceVideo) -> int:
    name, _, order = video.index
    with h5py.File(video.path, "r") as file:
        return file[name].shape[order.index("T")]


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    """Yields frames uint8 [height, width(, channel)], read a chunk's length at once, which would be unpacked for every
    frame otherwise. Raises OSError or ValueError."""
    name, number, order = video.index
    with h5py.File(video.path, "r") as file:
        array, axis = file[name], order.index("T")
        length = array.shape[axis]
        frame_bytes = part(array, order, number, 0, 1).nbytes
        step = max(1, min(array.chunks[axis] if array.chunks else length, _PART // frame_bytes))
        for start in range(0, length, step):
            yield from part(array, order, number, start, min(start + step, length))


def _refuse_time_first(name: str, array: h5py.Dataset, read: Reading) -> None:
    """Raises UserError where an array that is taken for videos, then time, looks the other way round. That videos come
    first is only a custom; if so, pictures are about as alike along time as from video to video, or more."""
    num_videos, num_frames = read.length("N"), read.length("T")
    if "NT" not in read.order or min(num_videos, num_frames) < 2:
        return
    along_time = along_videos = 0.0
    for sample in range(_NUM_SAMPLES):
        number, time = (num_videos - 1) * sample // _NUM_SAMPLES, (num_frames - 1) * (sample + 1) // (_NUM_SAMPLES + 1)
        here, later = part(array, read.order, number, time, time + 2).astype(np.int16)
        along_time += np.abs(later - here).mean()
        along_videos += np.abs(part(array, read.order, number + 1, time, time + 1)[0] - here).mean()
    if 2 * along_videos < along_time:
        swapped = read.order.replace("NT", "TN")
        raise UserError(
            f"{name}: {list(read.shape)} is taken for {read.order}, but looks like {swapped}: pictures are more alike "
            f"along the first axis; set preprocess.array_layout to {read.order} or {swapped}"
        )
