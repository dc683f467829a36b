"""What a store holds, of whichever kind it is: labels, provenance, arrays, and what they take on disk."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.core.metadata import ArrayV3Metadata

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.frames.frame_store import SOURCE_GROUPS

KINDS = ("frames", "latents", "predicted_frames", "predicted_latents")
_SHOWN_ELSEWHERE = {"kind", "format", "coordinates", "identity", "inventory", "complete", SOURCE_GROUPS}


@dataclass(frozen=True)
class ArrayFacts:
    """One array; sizes in bytes."""

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    units: str
    is_coordinate: bool
    num_bytes: int
    """Without compression."""
    num_bytes_stored: int
    num_files: int
    codecs: str


@dataclass(frozen=True)
class StoreFacts:
    """A finished store. Rows are sequences or clips."""

    path: Path
    kind: str
    identity: str
    made_from: dict[str, str]
    attributes: dict[str, Any]
    arrays: tuple[ArrayFacts, ...]
    group: zarr.Group

    @property
    def num_rows(self) -> int:
        return zarr_io.array_of(self.group, "video_id").shape[0]

    def labels(self, name: str) -> np.ndarray:
        """The coordinate `name`, such as video_id, of every row."""
        return np.array(zarr_io.read_rows(self.group, name).tolist())


def kind_of(path: Path) -> str:
    """Raises UserError when there is no layercast store at `path`."""
    try:
        kind = zarr.open_group(path, mode="r").attrs.get("kind")
    except (OSError, KeyError, ValueError, TypeError):
        kind = None
    if kind not in KINDS:
        raise UserError(f"{path}: wanted a store of layercast ({', '.join(KINDS)}), found none; run `dvc repro`")
    return str(kind)


def read_facts(path: Path) -> StoreFacts:
    """Raises UserError when the store is missing, incomplete or damaged."""
    group = zarr_io.open_store(path, kind := kind_of(path))
    attributes: dict[str, Any] = dict(group.attrs)
    coordinates = attributes["coordinates"].split()
    arrays = [_array_facts(path / name, name, array, name in coordinates) for name, array in zarr_io.arrays(group)]
    return StoreFacts(
        path, kind, attributes["identity"], zarr_io.made_from(group),
        {name: value for name, value in attributes.items()
         if name not in _SHOWN_ELSEWHERE and not name.startswith(zarr_io.MADE_FROM)},
        tuple(sorted(arrays, key=lambda array: array.is_coordinate)), group,
    )


def has_codes(facts: StoreFacts) -> bool:
    """Whether it is a store of latents or predicted latents, not of frames."""
    return facts.kind.endswith("latents")


def find_rows(facts: StoreFacts, name: str) -> np.ndarray:
    """The row of the sequence or clip called VIDEO:FIRST_FRAME, or all of VIDEO in the order of their frames: int [n].
    Raises UserError, naming some that there are, when there is none."""
    videos, frames = facts.labels("video_id"), facts.labels("first_frame")
    video, _, frame = name.rpartition(":")
    if frame.isdecimal() and len(rows := np.flatnonzero((videos == video) & (frames == int(frame)))):
        return rows[:1]
    if len(rows := np.flatnonzero(videos == name)):
        return rows[frames[rows].argsort(kind="stable")]
    some = ", ".join(f"{video}:{frame}" for video, frame in zip(videos[:3], frames[:3], strict=True))
    raise UserError(f"{facts.path}: has no sequence '{name}'; wanted VIDEO or VIDEO:FIRST_FRAME, such as {some}")


def dims_of(array: zarr.Array) -> tuple[str, ...]:
    """The names of an array's dimensions, which those of every store have."""
    assert isinstance(array.metadata, ArrayV3Metadata) and array.metadata.dimension_names is not None, array.path
    return tuple(str(name) for name in array.metadata.dimension_names)


def _array_facts(folder: Path, name: str, array: zarr.Array, is_coordinate: bool) -> ArrayFacts:
    files = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    is_text = array.dtype.kind in "OUT"
    num_bytes = sum(len(text.encode()) for text in np.asarray(array[...]).tolist()) if is_text else array.nbytes
    return ArrayFacts(
        name, dims_of(array), array.shape, "text" if is_text else str(array.dtype),
        str(array.attrs.get("units", "")), is_coordinate, num_bytes, sum(files), len(files),
        " + ".join(type(codec).__name__.removesuffix("Codec").lower() for codec in array.compressors),
    )
