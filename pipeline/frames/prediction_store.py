"""The store of predicted frames: kind "predicted_frames", one row per clip.

frames uint8 [clip, sample, time, height, width, channel]: the forecast steps only; straight_on uint8 [clip, time,
height, width, channel]: the same steps if every object went on in a straight line, drawn and mixed alike;
context_segmentation uint8 [clip, context_time, height, width]: which slot the context, drawn from its latents, shows
where. How sure the forecast is, each where generate was asked for it: spread uint8 [clip, time, height, width], the
samples' standard deviation, mean over channels; occupancy uint8 [clip, time, slot, height, width], the share of the
samples in which a slot is what one sees.

straight_on and context_segmentation say how generate saw the context, so that nobody has to take it apart again.

Coordinates video_id, first_frame (of the clip's first context frame) [clip], sample, slot, time (context_frames ..
context_frames + horizon - 1), context_time (0 .. context_frames - 1), both counted from the clip's first frame.
"""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import zarr_io

KIND = "predicted_frames"
DIMS = {
    "frames": ("clip", "sample", "time", "height", "width", "channel"),
    "straight_on": ("clip", "time", "height", "width", "channel"),
    "context_segmentation": ("clip", "context_time", "height", "width"),
    "spread": ("clip", "time", "height", "width"),
    "occupancy": ("clip", "time", "slot", "height", "width"),
}
MAPS = ("spread", "occupancy")
"""Arrays that a store may lack."""
SPREAD_UNITS = 510
"""Spreads are stored in 1 / SPREAD_UNITS of a channel's range, half a level of 8 bits. No standard deviation is over
half the range, so 8 bits hold it."""
CERTAIN = 255
"""An occupancy of 1 is stored as this."""

_CLIPS_PER_SHARD = 16
_ATTRIBUTES = {
    "frames": {"units": "1/255", "description": "predicted frames"},
    "straight_on": {"units": "1/255", "description": "frames if every object went on in a straight line"},
    "context_segmentation": {
        "units": "0: background, k + 1: slot k", "description": "what shows most in the drawn context",
    },
    "spread": {
        "units": f"1/{SPREAD_UNITS}", "description": "standard deviation of frames over samples, mean over channels",
    },
    "occupancy": {
        "units": f"1/{CERTAIN}", "description": "share of the samples in which the slot is what one sees",
    },
}


class PredictionWriter:
    """Writes one store: `write` the clips in order, then `finish`."""

    def __init__(
        self, path: Path, frame_shape: tuple[int, int, int], video_id: Sequence[str] | np.ndarray,
        first_frame: Sequence[int] | np.ndarray, *, num_samples: int, context_frames: int, horizon: int, fps: float,
        made_from: dict[str, str], carry_pictures: bool, spread: str, about: Mapping[str, str] | None = None,
        maps: Collection[str] = (), num_slots: int = 0,
    ):
        """frame_shape: height, width, channels; video_id, first_frame [n]: the clips; carry_pictures: whether what
        the context shows is drawn, see generate.carry_pictures; spread: how the samples differ (generate.spread);
        about: what is said of the source, see frame_store.ABOUT; maps: which of MAPS there are to be, occupancy of
        num_slots."""
        of_slots = ("slot",) if "occupancy" in maps else ()
        coordinates = ("video_id", "first_frame", "sample", *of_slots, "time", "context_time")
        attributes = {
            "context_frames": context_frames, "horizon": horizon, "fps": fps, "carry_pictures": carry_pictures,
            "spread": spread, **(about or {}),
        }
        group = zarr_io.create(path, KIND, attributes, made_from, coordinates)
        zarr_io.add_coordinate(group, "video_id", video_id, ("clip",), description="source video")
        zarr_io.add_coordinate(
            group, "first_frame", np.asarray(first_frame, dtype=np.int64), ("clip",), units="frame",
            description="index in the video of the clip's first context frame",
        )
        zarr_io.add_coordinate(group, "sample", np.arange(num_samples), ("sample",), description="drawn future")
        if of_slots:
            zarr_io.add_coordinate(group, "slot", np.arange(num_slots), of_slots, description="object")
        times = {"time": (context_frames, context_frames + horizon), "context_time": (0, context_frames)}
        for name, bounds in times.items():
            zarr_io.add_coordinate(
                group, name, np.arange(*bounds), (name,), units="frame",
                description="counted from the clip's first context frame",
            )
        shapes = {
            "frames": (num_samples, horizon, *frame_shape), "straight_on": (horizon, *frame_shape),
            "context_segmentation": (context_frames, *frame_shape[:2]),
            "spread": (horizon, *frame_shape[:2]), "occupancy": (horizon, num_slots, *frame_shape[:2]),
        }
        self.path, self.num_clips, self.num_written = path, len(video_id), 0
        self._arrays = {
            name: zarr_io.add_array(
                group, name, (self.num_clips, *shape), np.uint8, DIMS[name], rows_per_chunk=1,
                rows_per_shard=_CLIPS_PER_SHARD, **_ATTRIBUTES[name],
            )
            for name, shape in shapes.items() if name in maps or name not in MAPS
        }

    def write(
        self, frames: np.ndarray, straight_on: np.ndarray, context_segmentation: np.ndarray, **maps: np.ndarray,
    ) -> None:
        """Appends the next n clips, uint8: [n, sample, time, H, W, C], [n, time, H, W, C] and
        [n, context_time, H, W]; of the maps that there are to be [n, time, H, W] and [n, time, slot, H, W]."""
        rows = {"frames": frames, "straight_on": straight_on, "context_segmentation": context_segmentation, **maps}
        assert set(rows) == set(self._arrays), f"wanted {sorted(self._arrays)}, got {sorted(rows)}"
        for name, values in rows.items():
            wanted = (len(frames), *self._arrays[name].shape[1:])
            assert (values.dtype, values.shape) == (np.uint8, wanted), f"{name}: {values.dtype} {values.shape}"
            zarr_io.write_rows(self._arrays[name], self.num_written, values)
        self.num_written += len(frames)

    def finish(self) -> str:
        """Completes the store and moves it to its place. Returns its identity."""
        assert self.num_written == self.num_clips, f"{self.num_written} of {self.num_clips} clips written"
        return zarr_io.finish(self.path)


class PredictionStore:
    """A finished store of predicted frames, read-only."""

    def __init__(self, path: Path):
        """Raises UserError when the store is missing, incomplete, damaged or of another kind."""
        group = zarr_io.open_store(path, KIND)
        self.path = path
        attributes: dict[str, Any] = dict(group.attrs)
        self.identity: str = attributes["identity"]
        self.made_from: dict[str, str] = zarr_io.made_from(group)
        self.context_frames: int = attributes["context_frames"]
        self.horizon: int = attributes["horizon"]
        self.fps: float = attributes["fps"]
        self.carry_pictures: bool = attributes["carry_pictures"]
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

    def read_straight_on(self, start: int, stop: int) -> np.ndarray:
        """Forecasts of the same clips with every object in a straight line: uint8 [n, time, height, width, channel]."""
        return zarr_io.read_rows(self._group, "straight_on", slice(start, stop))

    def read_context_segmentation(self, start: int, stop: int) -> np.ndarray:
        """Which slot their drawn contexts show where: uint8 [n, context_time, height, width], 0 background,
        k + 1 slot k."""
        return zarr_io.read_rows(self._group, "context_segmentation", slice(start, stop))

    def read_spread(self, start: int, stop: int) -> np.ndarray | None:
        """How far their samples stray: uint8 [n, time, height, width], in 1 / SPREAD_UNITS of the range; None where
        generate left it out."""
        return self._read_map("spread", start, stop)

    def read_occupancy(self, start: int, stop: int) -> np.ndarray | None:
        """The share of their samples in which a slot is what one sees: uint8 [n, time, slot, height, width], in
        1 / CERTAIN; None where generate left it out."""
        return self._read_map("occupancy", start, stop)

    def _read_map(self, name: str, start: int, stop: int) -> np.ndarray | None:
        return zarr_io.read_rows(self._group, name, slice(start, stop)) if name in self._group else None


def open_predicted_frames(path: Path) -> PredictionStore:
    """Opens a finished store. Raises UserError when it is missing, incomplete, damaged or of another kind."""
    return PredictionStore(path)
