"""The store of predicted frames: kind "predicted_frames", one row per clip, the forecast steps only.

frames uint8 [clip, sample, time, height, width, channel]; coordinates video_id, first_frame (of the clip's first
context frame) [clip], sample, time (context_frames .. context_frames + horizon - 1, counted from the clip's first
frame).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import zarr_io

KIND = "predicted_frames"
DIMS = ("clip", "sample", "time", "height", "width", "channel")

_CLIPS_PER_SHARD = 16


class PredictionWriter:
    """Writes one store: `write` the clips in order, then `finish`."""

    def __init__(
        self, path: Path, frame_shape: tuple[int, int, int], video_id: Sequence[str], first_frame: Sequence[int], *,
        num_samples: int, context_frames: int, horizon: int, fps: float, made_from: dict[str, str], carry_detail: bool,
        spread: str,
    ):
        """frame_shape: height, width, channels; video_id, first_frame [n]: the clips; carry_detail: whether what the
        codes leave out was carried over from the context; spread: how the samples differ (generate.spread)."""
        coordinates = ("video_id", "first_frame", "sample", "time")
        attributes = {
            "context_frames": context_frames, "horizon": horizon, "fps": fps, "carry_detail": carry_detail,
            "spread": spread,
        }
        group = zarr_io.create(path, KIND, attributes, made_from, coordinates)
        zarr_io.add_coordinate(group, "video_id", video_id, ("clip",), description="source video")
        zarr_io.add_coordinate(
            group, "first_frame", np.asarray(first_frame, dtype=np.int64), ("clip",), units="frame",
            description="index in the video of the clip's first context frame",
        )
        zarr_io.add_coordinate(group, "sample", np.arange(num_samples), ("sample",), description="drawn future")
        zarr_io.add_coordinate(
            group, "time", np.arange(context_frames, context_frames + horizon), ("time",), units="frame",
            description="counted from the clip's first context frame",
        )
        shape = (len(video_id), num_samples, horizon, *frame_shape)
        self.path, self.num_written = path, 0
        self._frames = zarr_io.add_array(
            group, "frames", shape, np.uint8, DIMS, rows_per_chunk=1, rows_per_shard=_CLIPS_PER_SHARD,
            units="1/255", description="predicted frames",
        )

    def write(self, frames: np.ndarray) -> None:
        """Appends the next clips: uint8 [n, sample, time, H, W, C]."""
        assert frames.dtype == np.uint8 and frames.shape[1:] == self._frames.shape[1:], f"{frames.dtype} {frames.shape}"
        zarr_io.write_rows(self._frames, self.num_written, frames)
        self.num_written += len(frames)

    def finish(self) -> str:
        """Completes the store and moves it to its place. Returns its identity."""
        assert self.num_written == self._frames.shape[0], f"{self.num_written} of {self._frames.shape[0]} clips written"
        return zarr_io.finish(self.path)


class PredictionStore:
    """A finished store of predicted frames, read-only."""

    def __init__(self, path: Path):
        """Raises UserError when the store is missing, incomplete, damaged or of another kind."""
        group = zarr_io.open_store(path, KIND)
        self.path = path
        attributes: dict[str, Any] = dict(group.attrs)
        self.identity: str = attributes["identity"]
        self.made_from: dict[str, str] = attributes["made_from"]
        self.context_frames: int = attributes["context_frames"]
        self.horizon: int = attributes["horizon"]
        self.fps: float = attributes["fps"]
        self.carry_detail: bool = attributes["carry_detail"]
        self.spread: str = attributes["spread"]
        self.video_id: np.ndarray = np.array(zarr_io.read_rows(group, "video_id").tolist())
        self.first_frame: np.ndarray = zarr_io.read_rows(group, "first_frame")
        shape = zarr_io.array_of(group, "frames").shape
        self.num_clips, self.num_samples = shape[:2]
        self.height, self.width, self.num_channels = shape[3:]
        self._group = group

    def read(self, start: int, stop: int) -> np.ndarray:
        """Clips start <= i < stop: uint8 [n, sample, time, height, width, channel]. Raises UserError when damaged."""
        return zarr_io.read_rows(self._group, "frames", slice(start, stop))


def open_predicted_frames(path: Path) -> PredictionStore:
    """Opens a finished store. Raises UserError when it is missing, incomplete, damaged or of another kind."""
    return PredictionStore(path)
