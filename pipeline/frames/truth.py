"""Ground truth of a source video, brought into the form that the video's frames are brought into.

A sidecar NAME.truth.npz holds, for T frames and N objects, segmentation [T, H, W] and any of background [T, H, W, 3],
position, velocity [T, N, 2], size [N], color [N, 3], shape [N]; what they mean and their dtypes are the frame store's.
Other arrays are let be. Where segmentation stands alone, N is its greatest number.
"""

import zipfile

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.header_lock import HEADER_LOCK
from pipeline.frames.read_video import VideoInfo
from pipeline.frames.shape_pixels import covering_shape, shape_pixels
from pipeline.frames.source_video import SourceVideo

NAMES = ("segmentation", "background", "position", "velocity", "size", "color", "shape")
"""The first is what all figures need; the others may be missing."""

_OBJECT_AXIS = {"size": 0, "color": 0, "shape": 0, "position": 1, "velocity": 1}


class VideoTruth:
    """The ground truth of one video."""

    def __init__(self, video: SourceVideo, form: FrameFormat, info: VideoInfo):
        """Raises UserError when the sidecar cannot be read or lacks the segmentation, or when its arrays do not fit
        together."""
        names = tuple(name for name in NAMES if name in held(video))
        self._arrays = _read(video, ("segmentation", *(name for name in names if name != "segmentation")))
        self._form, self._path, self._pixel_aspect = form, video.truth, info.pixel_aspect
        segmentation = self._arrays["segmentation"] = self._checked(self._arrays["segmentation"])
        num_objects = _num_objects(self._arrays)
        if (most := int(segmentation.max(initial=0))) > num_objects:
            raise UserError(
                f"{self._path}: wanted segmentation to number the {num_objects} objects of the other arrays from 1, "
                f"got {most}; make it again"
            )
        exists = self._arrays["size"] > 0 if "size" in names else np.ones(num_objects, bool)
        height, width = segmentation.shape[1:3]
        scaled_height, scaled_width, top, left = covering_shape(height, width * info.pixel_aspect, form)
        scale = np.array([scaled_width / width, scaled_height / height])
        change = {
            "position": lambda values: values[:, exists] * scale - [left, top],
            "velocity": lambda values: values[:, exists] * scale * info.source_fps / info.fps,
        }
        self._moving = {n: change[n](self._arrays[n]).astype(np.float32) for n in change if n in names}
        fixed = {
            "size": lambda values: (values[exists] * np.sqrt(scale.prod())).astype(np.float32),
            "color": lambda values: values[exists].astype(np.float32),
            "shape": lambda values: values[exists].astype(np.uint8),
        }
        self._fixed = {name: fixed[name](self._arrays[name]) for name in fixed if name in names}
        alone = not set(names) & set(_OBJECT_AXIS)
        shown = np.isin(np.arange(1, num_objects + 1), segmentation) if alone else np.ones(exists.sum(), bool)
        self._fixed["present"] = shown

    def frames(self, indices: list[int]) -> dict[str, np.ndarray]:
        """The truth of a sequence made of these frames of the source, keyed and shaped as in the frame store.

        Raises UserError when the truth is shorter than the video.
        """
        in_time = ("segmentation", "background", "position", "velocity")
        length = min(len(self._arrays[name]) for name in in_time if name in self._arrays)
        if max(indices) >= length:
            raise UserError(f"{self._path}: wanted the truth of every frame, found {length} frames; make it again")
        pixels = {
            "segmentation": [
                shape_pixels(self._arrays["segmentation"][t], self._form, 1, True, self._pixel_aspect)[..., 0]
                for t in indices
            ],
        }
        if "background" in self._arrays:
            pixels["background"] = [
                shape_pixels(
                    self._arrays["background"][t], self._form, self._form.num_channels,
                    pixel_aspect=self._pixel_aspect)
                for t in indices
            ]
        moving = {name: values[indices] for name, values in self._moving.items()}
        return {**{name: np.stack(frames) for name, frames in pixels.items()}, **moving, **self._fixed}

    def _checked(self, segmentation: np.ndarray) -> np.ndarray:
        """uint8 [T, H, W]."""
        if segmentation.ndim == 4 and segmentation.shape[3] == 1:
            segmentation = segmentation[..., 0]
        whole = segmentation.dtype.kind in "bui" and segmentation.ndim == 3
        if not whole or segmentation.min(initial=0) < 0 or segmentation.max(initial=0) > 255:
            raise UserError(
                f"{self._path}: wanted segmentation as whole numbers from 0 to 255 [time, height, width], got "
                f"{segmentation.dtype} {list(segmentation.shape)}; number the objects from 1"
            )
        return segmentation.astype(np.uint8, copy=False)


def held(video: SourceVideo) -> set[str]:
    """The arrays of NAMES that a video's truth holds, none without truth. Raises UserError when it cannot be read."""
    path = video.truth
    if path is None:
        return set()
    if path.is_dir():
        return {name for name in NAMES if (path / f"{name}.npy").is_file()}
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return set(NAMES) & set(arrays.files)
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(
            f"truth of video '{video.video_id}': wanted arrays in {path.name}, cannot be read ({error}); make it again "
            "or remove it"
        ) from error


def count_objects(video: SourceVideo) -> int | None:
    """The number of true objects, None without ground truth. Raises UserError when the sidecar cannot be read."""
    if video.truth is None:
        return None
    there = held(video)
    # all of them say it; the segmentation only with its greatest number
    names = [name for name in _OBJECT_AXIS if name in there][:1] or ["segmentation"]
    return _num_objects(_read(video, tuple(names)))


def _num_objects(arrays: dict[str, np.ndarray]) -> int:
    for name, axis in _OBJECT_AXIS.items():
        if name in arrays:
            return arrays[name].shape[axis]
    return int(arrays["segmentation"].max(initial=0))


def _read(video: SourceVideo, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of the truth of a video; those of an array source stay on disk until they are used."""
    path = video.truth
    assert path is not None, "the video has no truth"
    found = {}
    try:
        if path.is_dir():
            for name in names:
                with HEADER_LOCK:
                    found[name] = np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)[video.index[0]]
        else:
            with HEADER_LOCK, np.load(path, allow_pickle=False) as arrays:
                for name in names:
                    found[name] = arrays[name]
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        wanted = names[len(found)]
        raise UserError(
            f"truth of video '{video.video_id}': wanted array '{wanted}' in {path.name}, cannot be read ({error}); "
            "make it again or remove it"
        ) from error
    return found
