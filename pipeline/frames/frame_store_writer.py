"""Writes the frame store (its arrays: see frame_store), one shard after the other.

Beside a store that may be resumed lies NAME.rows: for every whole shard the rows in it and the SHA-256 of its files;
and beside one that was suspended NAME.waiting, the rows that came after these.
"""

import hashlib
import io
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from pipeline import zarr_io
from pipeline.frames.frame_store import FRAME_DIMS, KIND, TRUTH_DIMS
from pipeline.write_file import write_file

_SHARD_BYTES = 1 << 25
"""A shard holds about this much, and is held in memory while it fills."""
_MAX_SHARDS = 200
"""Shards of one array; of a huge store they are bigger instead of more."""
_PER_PIXEL = ("segmentation", "background")
_LABELS = ("video_id", "first_frame", "split", "is_last")
_FACT, _ROWS = "fact_", "rows_"
_ATTRIBUTES = {
    "frames": {"units": "1/255", "description": "video frames"},
    "segmentation": {"units": "1", "description": "0 background, i + 1 where object i is seen"},
    "background": {"units": "1/255", "description": "the frame without objects"},
    "position": {"units": "px", "description": "centre of the object from the frame's left and top edges"},
    "velocity": {"units": "px/frame", "description": "displacement to the next frame"},
    "size": {"units": "px", "description": "side of the object's bounding box"},
    "color": {"units": "1", "description": "RGB of the object, 0 to 1"},
    "shape": {"units": "1", "description": "the source's number of the object's shape"},
    "present": {"units": "1", "description": "whether there is such an object"},
}


class FrameStoreWriter:
    """Takes sequences one by one; nothing is at `path` before `finish`."""

    def __init__(
        self, path: Path, num_rows: int, frames_shape: tuple[int, int, int, int], *,
        fps: float, crop: str, source: str, num_objects: int | None, truth_names: tuple[str, ...] = tuple(TRUTH_DIMS),
        resumable: bool = False, fps_is_assumed: bool = False, about: Mapping[str, str] | None = None,
    ):
        """`num_rows`: about how many sequences will come; `frames_shape`: T, H, W, C of each; `source`: the source's
        identity; `num_objects`: the most objects in any sequence, None without ground truth; `truth_names`: the arrays
        of it that every sequence has, `present` is always one; `resumable`: goes on after the whole shards (see
        `labels`) that an interrupted writer of the very same store left at `path`; `fps_is_assumed`: no source says its
        rate; `about`: what it says of the source, see frame_store.ABOUT."""
        coordinates = ("video_id", "first_frame", "split")
        self.path, self.num_objects, self._truth_names = path, num_objects, {*truth_names, "present"}
        self._rows_per_shard = max(1, _SHARD_BYTES // int(np.prod(frames_shape)), -(-num_rows // _MAX_SHARDS))
        self.labels: list[tuple[str, int, str, bool]] = []
        """video_id, first_frame, split and is_last of the rows so far."""
        self._facts: list[dict[str, np.ndarray]] = []
        self._journal = path.with_name(path.name + ".rows") if resumable else None
        kept = self._recover()
        attributes = {"fps": fps, "crop": crop, **({"fps_is_assumed": True} if fps_is_assumed else {}), **(about or {})}
        self._group = zarr_io.create(path, KIND, attributes, {"source": source}, coordinates, kept)
        self._arrays = {"frames": self._add("frames", num_rows, frames_shape, FRAME_DIMS)}
        if num_objects is not None:
            for name in self._of_pixels():
                dims = TRUTH_DIMS[name]
                self._arrays[name] = self._add(f"truth_{name}", num_rows, frames_shape[: len(dims) - 1], dims)
        self._waiting: dict[str, list[np.ndarray]] = {name: [] for name in self._arrays}
        self._unsuspend()

    def append(
        self, frames: np.ndarray, truth: dict[str, np.ndarray], *, video_id: str, first_frame: int, split: str,
        is_last: bool = False,
    ) -> None:
        """Adds one sequence: frames uint8 [T, H, W, C] and its truth (empty without), shaped as in the store but for
        the sequence axis, and with no more objects than there are. is_last: it is the last one of its video."""
        self.labels.append((video_id, first_frame, split, is_last))
        self._waiting["frames"].append(frames)
        if self.num_objects is not None:
            for name in self._of_pixels():
                self._waiting[name].append(truth[name])
            facts = {name: values for name, values in truth.items() if name in self._truth_names - {*_PER_PIXEL}}
            self._facts.append({name: self._pad(name, values) for name, values in facts.items()})
        if len(self._waiting["frames"]) == self._rows_per_shard:
            self._flush()

    @property
    def splits(self) -> set[str]:
        """The splits that have got a sequence."""
        return {split for _, _, split, _ in self.labels}

    def suspend(self) -> None:
        """Keeps what a resumable writer has not written yet, too, for one that goes on with the very same store."""
        stop, start = len(self.labels), len(self.labels) - len(self._waiting["frames"])
        if stop > start:
            rows = {_ROWS + name: np.stack(values) for name, values in self._waiting.items()}
            self._save(self._suspended, self._described(start, stop) | {"start": start} | rows)

    def finish(self) -> str:
        """Completes the store and moves it to its place. Returns its identity."""
        self._flush()
        for array in self._arrays.values():
            array.resize((len(self.labels), *array.shape[1:]))
        video_id, first_frame, split, _ = zip(*self.labels, strict=True)
        zarr_io.add_coordinate(self._group, "video_id", video_id, ("sequence",), description="source video")
        zarr_io.add_coordinate(
            self._group, "first_frame", np.array(first_frame, np.int64), ("sequence",), units="frame",
            description="the sequence's first frame, counted in the (resampled) video",
        )
        zarr_io.add_coordinate(self._group, "split", split, ("sequence",), description="train, val or test")
        for name in self._facts[0] if self._facts else ():
            values = np.stack([facts[name] for facts in self._facts])
            zarr_io.add_coordinate(self._group, f"truth_{name}", values, TRUTH_DIMS[name], **_ATTRIBUTES[name])
        return zarr_io.finish(self.path)

    def _add(self, name: str, num_rows: int, shape: tuple[int, ...], dims: tuple[str, ...]) -> zarr.Array:
        return zarr_io.add_array(
            self._group, name, (num_rows, *shape), np.uint8, dims, rows_per_chunk=1,
            rows_per_shard=self._rows_per_shard, **_ATTRIBUTES[name.removeprefix("truth_")],
        )

    def _of_pixels(self) -> tuple[str, ...]:
        return tuple(name for name in _PER_PIXEL if name in self._truth_names)

    def _pad(self, name: str, values: np.ndarray) -> np.ndarray:
        axis = TRUTH_DIMS[name].index("object") - 1
        missing = [(0, self.num_objects - length if place == axis else 0) for place, length in enumerate(values.shape)]
        return np.pad(values, missing)

    def _flush(self) -> None:
        """Writes whole shards, so that none is ever written twice."""
        stop, start = len(self.labels), len(self.labels) - len(self._waiting["frames"])
        if stop == start:
            return
        for name, array in self._arrays.items():
            if stop > array.shape[0]:
                array.resize((stop, *array.shape[1:]))
            zarr_io.write_rows(array, start, np.stack(self._waiting[name]))
            self._waiting[name].clear()
        if self._journal is not None:
            self._note(self._journal, start, stop)

    def _note(self, journal: Path, start: int, stop: int) -> None:
        """Adds the shard that holds these rows to the journal."""
        number, root = start // self._rows_per_shard, zarr_io.partial_place(self.path)
        files = [f"{array.name[1:]}/c/{number}" + "/0" * (array.ndim - 1) for array in self._arrays.values()]
        of_files = {"shard": files, "sha256": [_sha256(root / name) for name in files]}
        self._save(journal / f"{number:06}.npz", self._described(start, stop) | of_files)

    def _described(self, start: int, stop: int) -> dict[str, Any]:
        """The labels and facts of these rows."""
        labels = dict(zip(_LABELS, zip(*self.labels[start:stop], strict=True), strict=True))
        facts = {name: np.stack([row[name] for row in self._facts[start:stop]]) for name in (self._facts or [{}])[0]}
        return {**labels, **{_FACT + name: values for name, values in facts.items()}}

    def _save(self, file: Path, arrays: dict[str, Any]) -> None:
        entry = io.BytesIO()
        np.savez(entry, **arrays)
        write_file(file, entry.getbuffer())

    @property
    def _suspended(self) -> Path:
        return self.path.with_name(self.path.name + ".waiting")

    def _unsuspend(self) -> None:
        """Takes over the rows that a suspended writer kept, if they come next."""
        try:
            with np.load(self._suspended, allow_pickle=False) as arrays:
                rows = dict(arrays)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return
        if self._journal is not None and rows["start"] == len(self.labels):
            self._take_labels(rows)
            for name in self._waiting:
                self._waiting[name] = list(rows[_ROWS + name])

    def _take_labels(self, rows: dict[str, np.ndarray]) -> None:
        self.labels += zip(*(rows[name].tolist() for name in _LABELS), strict=True)
        facts = {name.removeprefix(_FACT): values for name, values in rows.items() if name.startswith(_FACT)}
        self._facts += [dict(zip(facts, row, strict=True)) for row in zip(*facts.values(), strict=True)]

    def _recover(self) -> frozenset[str]:
        """Takes over the leading shards of an interrupted writer that are as it wrote them; returns their files."""
        if self._journal is None:
            return frozenset()
        root, kept = zarr_io.partial_place(self.path), set()
        if self.path.exists():  # finished, but not yet put to its final place
            shutil.rmtree(root, ignore_errors=True)
            self.path.rename(root)
        for entry in sorted(self._journal.glob("*.npz")):
            try:
                with np.load(entry, allow_pickle=False) as arrays:
                    rows = dict(arrays)
                files = dict(zip(rows["shard"].tolist(), rows["sha256"].tolist(), strict=True))
                if int(entry.stem) * self._rows_per_shard != len(self.labels):
                    break
                if len(rows["first_frame"]) < self._rows_per_shard:
                    break  # of a store that was finished; others might come now
                if any(_sha256(root / name) != digest for name, digest in files.items()):
                    break
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                break
            kept |= set(files)
            self._take_labels(rows)
        return frozenset(kept)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
