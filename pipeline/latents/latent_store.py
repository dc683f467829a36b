"""Stores of latents: of encoded sequences (kind "latents"), and of drawn futures (kind "predicted_latents").

Every code is one float32 array, left out when its width is 0; after the axes below come those of Code.dims.
latents             time-independent [sequence, ...]    time-varying [sequence, time, ...]
predicted_latents   time-independent [clip, ...]        time-varying [clip, sample, time, ...], context and horizon
Coordinates: video_id, first_frame [sequence or clip], split [sequence], sample, time, slot, pose_component,
camera_component.

An empty slot has no place: its pose is NaN. Models never see that: to them the slots of a clip are alike, and one that
is empty still has a thousandth of an object's weight, so `read` gives back where it was, which `pose_of_empty` keeps.
object_px (px) [..., time, slot] is the width of an object, from its log_scale.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.frames.frame_format import Preparation
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES, Code
from pipeline.latents.latents import Latents, LatentSpec, concatenate
from pipeline.thresholds import PRESENT

KIND = "latents"
PREDICTED_KIND = "predicted_latents"
ROWS_PER_SHARD = 256
"""Rows that lie in one file and must be written at once."""
_CLIPS_PER_SHARD = 64
_EMPTY, _OBJECT_PX = "pose_of_empty", "object_px"


class LatentWriter:
    """Writes the latents of sequences: `write` every row, then `finish` in one process."""

    def __init__(
        self, path: Path, spec: LatentSpec, video_id: np.ndarray, first_frame: np.ndarray, split: np.ndarray, *,
        num_frames: int, fps: float, made_from: dict[str, str], object_px: float | None = None, crop: str = "center",
        fps_is_assumed: bool = False, create: bool = True, about: Mapping[str, str] | None = None,
    ):
        """video_id, first_frame, split [n]: the sequences; fps, crop, fps_is_assumed: those of their frames; object_px:
        width of an object at log_scale 0, None: not known; about: what is said of the source, see frame_store.ABOUT. Of
        several processes that write together the first one creates the store; only then may the others come, with
        create=False."""
        self.path, self._object_px = path, object_px
        if not create:
            self._group = zarr_io.open_partial(path)
            return
        coordinates = ("video_id", "first_frame", "split", *_axis_labels(), "time")
        attributes = {**spec.model_dump(exclude_defaults=True), "fps": fps, "crop": crop, **_size(object_px)}
        attributes |= {**({"fps_is_assumed": True} if fps_is_assumed else {}), **(about or {})}
        self._group = zarr_io.create(path, KIND, attributes, made_from, coordinates)
        _add_rows(self._group, "sequence", video_id, first_frame, "index in the video of the sequence's first frame")
        zarr_io.add_coordinate(self._group, "split", split, ("sequence",), description="train, val or test")
        _add_axes(self._group, spec, num_frames, "counted from the sequence's first frame")
        for name in spec.names:
            shape, dims = (len(video_id), *spec.shape(name, num_frames)), ("sequence", *CODES[name].dims)
            _add_code(self._group, CODES[name], shape, dims, ROWS_PER_SHARD, object_px)

    def write(self, start: int, latents: Latents) -> None:
        """Writes whole shards: the rows from `start` on, a multiple of ROWS_PER_SHARD, up to another one or the end."""
        stop, num_rows = start + len(latents), zarr_io.array_of(self._group, "pose").shape[0]
        assert start % ROWS_PER_SHARD == 0 and (stop % ROWS_PER_SHARD == 0 or stop == num_rows), f"{start}:{stop}"
        for name, values in _to_store(latents, self._object_px).items():
            if name in self._group:
                zarr_io.write_rows(zarr_io.array_of(self._group, name), start, values.cpu().numpy())

    def finish(self) -> str:
        """Completes the store and moves it to its place. Returns its identity."""
        return zarr_io.finish(self.path)


class LatentStore:
    """A finished store of the latents of sequences, read-only."""

    def __init__(self, path: Path):
        """Raises UserError when the store is missing, incomplete, damaged, of another kind or another version's."""
        self._group = _open(path, KIND)
        self.path = path
        attributes: dict[str, Any] = dict(self._group.attrs)
        self.identity: str = attributes["identity"]
        self.made_from: dict[str, str] = zarr_io.made_from(self._group)
        self.fps: float = attributes["fps"]
        self.preparation = Preparation(
            crop=attributes.get("crop", "center"), fps=None if attributes.get("fps_is_assumed") else self.fps
        )
        self.spec = _spec(attributes)
        self.num_frames: int = zarr_io.array_of(self._group, "pose").shape[1]
        self.video_id, self.first_frame = _row_labels(self._group)
        self.split: np.ndarray = np.array(zarr_io.read_rows(self._group, "split").tolist())

    def __len__(self) -> int:
        return len(self.split)

    def rows(self, split: str) -> np.ndarray:
        """The rows of a split (train, val or test): int [n]."""
        return np.flatnonzero(self.split == split)

    def read(self, rows: np.ndarray | slice) -> Latents:
        """Latents of `rows`, batch axis n. Raises UserError when they are damaged on disk."""
        return Latents(**_from_store(self._group, self.spec, rows))


class PredictedLatentsWriter:
    """Writes the futures of clips: `write` them one by one, then `finish`."""

    def __init__(
        self, path: Path, spec: LatentSpec, video_id: Sequence[str] | np.ndarray,
        first_frame: Sequence[int] | np.ndarray, *, num_samples: int, context_frames: int, horizon: int, fps: float,
        made_from: dict[str, str], object_px: float | None = None, about: Mapping[str, str] | None = None,
    ):
        """video_id, first_frame [n]: the clips; object_px: width of an object at log_scale 0, None: not known; about:
        what is said of the source, see frame_store.ABOUT."""
        self.path, self._num_clips, self._num_samples = path, len(video_id), num_samples
        self._object_px = object_px
        num_frames = context_frames + horizon
        coordinates = ("video_id", "first_frame", "sample", *_axis_labels(), "time")
        attributes = {
            **spec.model_dump(exclude_defaults=True), "context_frames": context_frames, "horizon": horizon, "fps": fps,
            **_size(object_px), **(about or {}),
        }
        self._group = zarr_io.create(path, PREDICTED_KIND, attributes, made_from, coordinates)
        _add_rows(self._group, "clip", video_id, first_frame, "index in the video of the clip's first context frame")
        zarr_io.add_coordinate(self._group, "sample", np.arange(num_samples), ("sample",), description="drawn future")
        _add_axes(self._group, spec, num_frames, "counted from the clip's first context frame")
        for name in spec.names:
            code = CODES[name]
            samples = {"sample": num_samples} if code.varies else {}
            shape = (self._num_clips, *samples.values(), *spec.shape(name, num_frames))
            _add_code(self._group, code, shape, ("clip", *samples, *code.dims), _CLIPS_PER_SHARD, object_px)
        self._num_written = 0
        self._waiting: list[Latents] = []

    def write(self, futures: Latents) -> None:
        """Appends the next clip: batch axis num_samples, time axis context_frames + horizon."""
        assert len(futures) == self._num_samples, f"{len(futures)} samples, wanted {self._num_samples}"
        self._waiting.append(futures.map(torch.Tensor.cpu))
        if len(self._waiting) == _CLIPS_PER_SHARD:
            self._flush()

    def finish(self) -> str:
        """Completes the store and moves it to its place. Returns its identity."""
        self._flush()
        assert self._num_written == self._num_clips, f"{self._num_written} of {self._num_clips} clips written"
        return zarr_io.finish(self.path)

    def _flush(self) -> None:
        if not self._waiting:
            return
        for name, values in _to_store(concatenate(self._waiting), self._object_px).items():
            if name not in self._group:
                continue
            array, by_clip = zarr_io.array_of(self._group, name), values.unflatten(0, (-1, self._num_samples))
            rows = by_clip if by_clip.dim() == array.ndim else by_clip[:, 0]  # of the clip, or of each sample
            zarr_io.write_rows(array, self._num_written, rows.numpy())
        self._num_written += len(self._waiting)
        self._waiting.clear()


class PredictedLatentsStore:
    """A finished store of drawn futures, read-only."""

    def __init__(self, path: Path):
        """Raises UserError when the store is missing, incomplete, damaged, of another kind or another version's."""
        self._group = _open(path, PREDICTED_KIND)
        self.path = path
        attributes: dict[str, Any] = dict(self._group.attrs)
        self.identity: str = attributes["identity"]
        self.made_from: dict[str, str] = zarr_io.made_from(self._group)
        self.fps: float = attributes["fps"]
        self.context_frames: int = attributes["context_frames"]
        self.horizon: int = attributes["horizon"]
        self.spec = _spec(attributes)
        self.video_id, self.first_frame = _row_labels(self._group)
        self.num_clips, self.num_samples = zarr_io.array_of(self._group, "pose").shape[:2]

    def read(self, clips: np.ndarray | slice) -> Latents:
        """Futures of `clips`: batch axis n * num_samples, the samples of a clip side by side; the time axis holds the
        context and the horizon. Raises UserError when they are damaged on disk."""
        return Latents(**{
            name: code.flatten(0, 1) if CODES[name].varies else code.repeat_interleave(self.num_samples, 0)
            for name, code in _from_store(self._group, self.spec, clips).items()
        })


def open_latents(path: Path) -> LatentStore:
    """Opens latents of sequences. Raises UserError when they are missing, incomplete, damaged, of another kind
    or another version's."""
    return LatentStore(path)


def open_predicted_latents(path: Path) -> PredictedLatentsStore:
    """Opens drawn futures. Raises UserError when they are missing, incomplete, damaged, of another kind
    or another version's."""
    return PredictedLatentsStore(path)


def _open(path: Path, kind: str) -> zarr.Group:
    """Raises UserError also when numbers have other names than today: another version wrote them."""
    group = zarr_io.open_store(path, kind)
    for code in CODES.values():
        axis = code.dims[-1] if code.components and code.name in group else None
        if axis and (found := tuple(zarr_io.read_rows(group, axis).tolist())) != code.components:
            raise UserError(f"{path}: wanted {code.name} as {', '.join(code.components)}, found {', '.join(found)}, as "
                            f"another version writes it; {zarr_io.REMEDY}")
    return group


def _add_rows(
    group: zarr.Group, axis: str, video_id: Sequence[str] | np.ndarray, first_frame: Sequence[int] | np.ndarray,
    description: str,
) -> None:
    zarr_io.add_coordinate(group, "video_id", video_id, (axis,), description="source video")
    first_frame = np.asarray(first_frame, np.int64)
    zarr_io.add_coordinate(group, "first_frame", first_frame, (axis,), units="frame", description=description)


def _add_axes(group: zarr.Group, spec: LatentSpec, num_frames: int, description: str) -> None:
    zarr_io.add_coordinate(group, "time", np.arange(num_frames), ("time",), units="frame", description=description)
    for axis, labels in _axis_labels().items():
        zarr_io.add_coordinate(group, axis, labels or np.arange(spec.num_slots), (axis,))


def _axis_labels() -> dict[str, tuple[str, ...] | None]:
    """Axes that are labelled: those of numbers with names, of objects first, and the slots, which are counted
    (None)."""
    named = sorted((code for code in CODES.values() if code.components), key=lambda code: code.owner == "scene")
    return {code.dims[-1]: code.components for code in named} | {"slot": None}


def _add_code(
    group: zarr.Group, code: Code, shape: tuple[int, ...], dims: tuple[str, ...], rows_per_file: int,
    object_px: float | None,
) -> None:
    def add(name: str, shape: tuple[int, ...], dims: tuple[str, ...], units: str, description: str) -> None:
        zarr_io.add_array(group, name, shape, np.float32, dims, rows_per_chunk=rows_per_file, units=units,
                          description=description)

    units = ", ".join(code.units)
    if code.name != "pose":
        add(code.name, shape, dims, units, code.description)
        return
    add("pose", shape, dims, units, f"{code.description}, NaN where it is empty; {poses.description(object_px)}")
    add(_EMPTY, shape, dims, units, "what models are given in place of the NaN; says nothing of the video")
    if object_px is not None:
        add(_OBJECT_PX, shape[:-1], dims[:-1], "px", "width of the object in the frame, NaN where the slot is empty")


def _size(object_px: float | None) -> dict[str, float]:
    return {} if object_px is None else {"object_px_at_log_scale_0": object_px}


def _to_store(latents: Latents, object_px: float | None) -> dict[str, torch.Tensor]:
    """The arrays of a store, all with the batch axis."""
    pose, present = latents.pose, (latents.presence > PRESENT)[:, None, :, None]
    known = torch.where(present, pose, torch.nan)
    return {**latents.codes, "pose": known, _EMPTY: torch.where(present, 0.0, pose),
            _OBJECT_PX: (object_px or torch.nan) * poses.scale(known)}


def _from_store(group: zarr.Group, spec: LatentSpec, rows: np.ndarray | slice) -> dict[str, torch.Tensor]:
    """The codes of `rows`, as they were given to the writer."""
    codes = {name: torch.from_numpy(zarr_io.read_rows(group, name, rows)) for name in spec.names}
    empty = torch.from_numpy(zarr_io.read_rows(group, _EMPTY, rows))
    return codes | {"pose": torch.where(codes["pose"].isnan(), empty, codes["pose"])}


def _spec(attributes: dict[str, Any]) -> LatentSpec:
    return LatentSpec(**{name: attributes[name] for name in LatentSpec.model_fields if name in attributes})


def _row_labels(group: zarr.Group) -> tuple[np.ndarray, np.ndarray]:
    return np.array(zarr_io.read_rows(group, "video_id").tolist()), zarr_io.read_rows(group, "first_frame")
