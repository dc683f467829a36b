"""Ground truth of a source video, brought into the form that the video's frames are brought into.

A sidecar NAME.truth.npz holds, for T frames and N objects, position, velocity [T, N, 2], size [N], color [N, 3], shape
[N], segmentation [T, H, W] and background [T, H, W, 3]; what they mean and their dtypes are the frame store's.
"""

import zipfile

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, covering_shape, shape_pixels
from pipeline.frames.source_video import SourceVideo

NAMES = ("segmentation", "background", "position", "velocity", "size", "color", "shape")


class VideoTruth:
    """The ground truth of one video."""

    def __init__(self, video: SourceVideo, form: FrameFormat, info: VideoInfo):
        """Raises UserError when the sidecar cannot be read or lacks an array."""
        self._arrays = _read(video, NAMES)
        self._form, self._path = form, video.truth
        exists = self._arrays["size"] > 0
        height, width = self._arrays["segmentation"].shape[1:3]
        scaled_height, scaled_width, top, left = covering_shape(height, width, form)
        scale = np.array([scaled_width / width, scaled_height / height])
        self._position = (self._arrays["position"][:, exists] * scale - [left, top]).astype(np.float32)
        self._velocity = (self._arrays["velocity"][:, exists] * scale * info.source_fps / info.fps).astype(np.float32)
        self._fixed = {
            "size": (self._arrays["size"][exists] * np.sqrt(scale.prod())).astype(np.float32),
            "color": self._arrays["color"][exists].astype(np.float32),
            "shape": self._arrays["shape"][exists].astype(np.uint8),
            "present": np.ones(exists.sum(), bool),
        }

    def frames(self, indices: list[int]) -> dict[str, np.ndarray]:
        """The truth of a sequence made of these frames of the source, keyed and shaped as in the frame store.

        Raises UserError when the truth is shorter than the video.
        """
        length = len(self._arrays["segmentation"])
        if max(indices) >= length:
            raise UserError(f"{self._path}: wanted the truth of every frame, found {length} frames; make it again")
        pixels = {
            "segmentation": [
                shape_pixels(self._arrays["segmentation"][t], self._form, 1, nearest=True)[..., 0] for t in indices
            ],
            "background": [
                shape_pixels(self._arrays["background"][t], self._form, self._form.num_channels) for t in indices
            ],
        }
        moving = {"position": self._position[indices], "velocity": self._velocity[indices]}
        return {**{name: np.stack(frames) for name, frames in pixels.items()}, **moving, **self._fixed}


def count_objects(video: SourceVideo) -> int | None:
    """The number of true objects, None without ground truth. Raises UserError when the sidecar cannot be read."""
    return None if video.truth is None else len(_read(video, ("size",))["size"])


def _read(video: SourceVideo, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Arrays of the truth of a video; those of an array source stay on disk until they are used."""
    path = video.truth
    assert path is not None, "the video has no truth"
    found = {}
    try:
        if path.is_dir():
            for name in names:
                found[name] = np.load(path / f"{name}.npy", mmap_mode="r", allow_pickle=False)[video.index[0]]
        else:
            with np.load(path, allow_pickle=False) as arrays:
                for name in names:
                    found[name] = arrays[name]
    except (OSError, KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
        wanted = names[len(found)]
        raise UserError(
            f"truth of video '{video.video_id}': wanted array '{wanted}' in {path.name}, cannot be read ({error}); "
            "make it again or remove it"
        ) from error
    return found
