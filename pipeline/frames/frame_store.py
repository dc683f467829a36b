"""Reads the frame store: sequences of equal length cut from the videos, with their split and, where known, ground
truth, of which any array may be missing but `present`.

One row is one sequence. Axes: sequence, time, height, width, channel; `object` counts the true objects.
frames              uint8 [sequence, time, height, width, channel]      0..255, channel 1 (grey) or 3 (RGB)
video_id            str [sequence]
first_frame         int64 [sequence]    the sequence's first frame, counted in the (resampled) video
split               str [sequence]      train, val or test
truth_segmentation  uint8 [sequence, time, height, width]               0 background, i + 1 where object i is seen
truth_background    uint8 [sequence, time, height, width, channel]      the frame without objects
truth_position      float32 [sequence, time, object, xy]                centre, px from the left and top edges
truth_velocity      float32 [sequence, time, object, xy]                px per frame
truth_size          float32 [sequence, object]                          side of the bounding box, px
truth_color         float32 [sequence, object, rgb]                     0..1
truth_shape         uint8 [sequence, object]                            the source's number of the shape
truth_present       bool [sequence, object]                             whether there is such an object
"""

from pathlib import Path
from typing import Any

import numpy as np

from pipeline import zarr_io
from pipeline.frames.frame_format import Crop, Preparation

KIND = "frames"
SOURCE_GROUPS = "source_groups"
ABOUT = ("source_height", "source_width", "source_fps", "source_crop", "source_frames", SOURCE_GROUPS)
"""Attributes, texts, that every store has from the frames that it was made from: height and width (px) of the source's
frames and its frames per second, a range where its videos differ; how frames were brought to one form; how they are
counted. The last, where the others do not say all, is JSON: height, width, fps, stored_fps (as the store's frames are
counted), gaps (in the clock: frame after it, seconds) and names of the videos (none: all) that are alike."""
FRAME_DIMS = ("sequence", "time", "height", "width", "channel")
TRUTH_DIMS = {
    "segmentation": ("sequence", "time", "height", "width"),
    "background": FRAME_DIMS,
    "position": ("sequence", "time", "object", "xy"),
    "velocity": ("sequence", "time", "object", "xy"),
    "size": ("sequence", "object"),
    "color": ("sequence", "object", "rgb"),
    "shape": ("sequence", "object"),
    "present": ("sequence", "object"),
}


class FrameStore:
    """A finished frame store, read-only."""

    def __init__(self, path: Path):
        """Raises UserError when the store is missing, incomplete, damaged or of another kind."""
        self._group = zarr_io.open_store(path, KIND)
        attributes: dict[str, Any] = dict(self._group.attrs)
        self.path = path
        self.identity: str = attributes["identity"]
        self.made_from: dict[str, str] = zarr_io.made_from(self._group)
        self.fps: float = attributes["fps"]
        self.crop: Crop = attributes["crop"]
        self.fps_is_assumed: bool = attributes.get("fps_is_assumed", False)
        """No source said at what rate its frames were taken: fps is preprocess.fps_if_unknown."""
        self.about: dict[str, str] = {name: attributes[name] for name in ABOUT if name in attributes}
        shape = zarr_io.array_of(self._group, "frames").shape
        self.num_frames, self.height, self.width, self.num_channels = shape[1:]
        self.video_id: np.ndarray = np.array(zarr_io.read_rows(self._group, "video_id").tolist())
        self.first_frame: np.ndarray = zarr_io.read_rows(self._group, "first_frame")
        self.split: np.ndarray = np.array(zarr_io.read_rows(self._group, "split").tolist())
        self.truth_names = tuple(name for name in TRUTH_DIMS if f"truth_{name}" in self._group)
        """What read_truth can give; empty where the source has no ground truth."""
        counting = (name for name in self.truth_names if "object" in TRUTH_DIMS[name])
        counted = ((zarr_io.array_of(self._group, f"truth_{name}").shape, TRUTH_DIMS[name]) for name in counting)
        self.num_objects: int = next((shape[dims.index("object")] for shape, dims in counted), 0)
        """The most true objects in any sequence."""

    @property
    def preparation(self) -> Preparation:
        return Preparation(crop=self.crop, fps=None if self.fps_is_assumed else self.fps)

    def __len__(self) -> int:
        return len(self.split)

    def rows(self, split: str) -> np.ndarray:
        """The rows of a split (train, val or test): int [n]."""
        return np.flatnonzero(self.split == split)

    def read(self, rows: np.ndarray | slice) -> np.ndarray:
        """Frames uint8 [n, time, height, width, channel]. Raises UserError when they are damaged on disk."""
        return zarr_io.read_rows(self._group, "frames", rows)

    def read_truth(self, name: str, rows: np.ndarray | slice) -> np.ndarray:
        """The ground truth `name` (one of truth_names) [n, ...]. Raises UserError when it is damaged on disk."""
        return zarr_io.read_rows(self._group, f"truth_{name}", rows)


def open_frames(path: Path) -> FrameStore:
    """Opens a finished frame store. Raises UserError when it is missing, incomplete, damaged or of another kind."""
    return FrameStore(path)
