"""Labelled, checked Zarr groups: the ground of the frame store and the latent store.

A store is one flat group. Every array names its dimensions and is split along its first axis alone (rows): a chunk is
what one read fetches, a shard is one file and has one writer. A store under construction lies beside its place as
`NAME.partial`; `finish` stamps it with the hash of its content and moves it there, so whatever is at PATH is whole.
"""

import hashlib
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.storage import LocalStore

from pipeline.errors import UserError, writing
from pipeline.system_files import is_of_system
from pipeline.write_file import write_file

FORMAT = 2
REMEDY = "run the stage that writes it again"
ROOT = "zarr.json"
MADE_FROM = "made_from_"
"""Before the name of an input, the attribute that has its identity: attributes are flat, as netCDF wants them."""


def create(
    path: Path, kind: str, attributes: dict, made_from: dict[str, str], coordinates: tuple[str, ...],
    keep: frozenset[str] = frozenset(),
) -> zarr.Group:
    """Starts a store of `kind` for `path` and returns its empty group (at `NAME.partial`; an abandoned one is
    replaced).

    `made_from` maps the name of each input to its identity; `coordinates` are the arrays that label rows or axes;
    `keep` names the files of the abandoned one that stay: shards that are whole.
    """
    labels = {"kind": kind, "format": FORMAT, "coordinates": " ".join(coordinates)}
    labels |= {MADE_FROM + name: identity for name, identity in made_from.items()}
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in _files(partial_place(path)) if keep else ():
            if file.relative_to(partial_place(path)).as_posix() not in keep:
                file.unlink()
        return zarr.create_group(partial_place(path), overwrite=not keep, attributes={**attributes, **labels})


def add_array(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype: npt.DTypeLike, dims: tuple[str, ...], *,
    rows_per_chunk: int | None = None, rows_per_shard: int | None = None, **attributes: Any,
) -> zarr.Array:
    """Adds an array to fill; without `rows_per_chunk` it is one chunk. Give `units` and `description` as attributes."""
    chunk = max(1, min(rows_per_chunk or shape[0], shape[0]))
    shards = None
    if rows_per_shard is not None:
        per_shard = max(chunk, min(rows_per_shard, -(-shape[0] // chunk) * chunk))
        shards = (per_shard - per_shard % chunk, *shape[1:])
    with writing(_root(group)):
        return group.create_array(
            name, shape=shape, dtype=dtype, chunks=(chunk, *shape[1:]), shards=shards, dimension_names=dims,
            compressors=(ZstdCodec(level=1), Crc32cCodec()), attributes=attributes,
            fill_value="" if dtype is str else 0,
            # An all-zero chunk is written too: a chunk that is not there can then only be a lost one.
            config={"write_empty_chunks": True},
        )


def add_coordinate(
    group: zarr.Group, name: str, values: npt.ArrayLike, dims: tuple[str, ...], **attributes: Any,
) -> None:
    """Adds a small array and its values at once. Strings become variable-length UTF-8."""
    values = np.asarray(values)
    is_text = values.dtype.kind in "OUT"
    array = add_array(group, name, values.shape, str if is_text else values.dtype, dims, **attributes)
    write_rows(array, 0, values.astype(object) if is_text else values)


def write_rows(array: zarr.Array, start: int, values: np.ndarray) -> None:
    """Writes the rows from `start` on, whole shards. Raises UserError when the disk is full."""
    with writing(_root(array)):
        # the array may have been opened anew, and how to write is not kept in the store
        array = array.with_config({"write_empty_chunks": True})
        array[start : start + len(values)] = values


def open_partial(path: Path) -> zarr.Group:
    """Opens a store under construction, which another process created, to write shards of its own."""
    return zarr.open_group(partial_place(path), mode="r+")


def finish(path: Path) -> str:
    """Stamps the partial store with its identity, marks it complete (last) and moves it to `path`. Returns the
    identity.

    What Zarr says of every array goes into the group's own file as well (consolidated metadata), so that the store
    opens where folders cannot be listed, over plain HTTP. The identity is that of the content and does not know of the
    copy; the inventory holds it to what was written.
    """
    partial = partial_place(path)
    with writing(partial):
        document = _document(partial)
        attributes = document["attributes"]
        identity = attributes["identity"] = _digest(partial, attributes, with_chunks=True)
        document["consolidated_metadata"] = _consolidated(partial)
        attributes["inventory"] = _digest(partial, document, with_chunks=False)
        for file in _files(partial):
            _write_through(file)  # a power cut must not leave a store that says it is complete and lacks bytes
        attributes["complete"] = True
        write_file(partial / ROOT, json.dumps(document, indent=2).encode())
        _replace(path, partial)
    return identity


def place(finished: Path, path: Path) -> None:
    """Puts the finished store also at `path`, by links where the file system has them."""
    def link(source: Path, target: Path) -> None:
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)

    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = partial_place(path)
        shutil.rmtree(partial, ignore_errors=True)
        for file in _files(finished):
            target = partial / file.relative_to(finished)
            target.parent.mkdir(parents=True, exist_ok=True)
            link(file, target)
        _replace(path, partial)


def open_store(path: Path, kind: str) -> zarr.Group:
    """Opens a finished store read-only. Raises UserError when it is missing, of another kind, incomplete or damaged.

    Found here: a file that is missing or cut short (Zarr would read it as the fill value, without a word), a changed
    label or description. A changed chunk is found when it is read.
    """
    try:
        if (path / ROOT).exists() and not (path / ROOT).is_file():
            raise ValueError("not a file")
        document = _document(path)
        attributes = document["attributes"]
        found = attributes.get("kind"), attributes.get("format")
        is_complete = attributes.pop("complete", None) is True
        inventory = attributes.pop("inventory", None)
    except PermissionError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); change its permissions") from error
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path}: wanted a layercast {kind} store, found none; {REMEDY}") from error
    if found != (kind, FORMAT):
        raise UserError(f"{path}: wanted a layercast {kind} store (format {FORMAT}), found {found[0]!r:.40} "
                        f"(format {found[1]!r:.20}); {REMEDY}")
    if not is_complete:
        raise UserError(f"{path}: the store was never finished; {REMEDY}")
    if inventory != _digest(path, document, with_chunks=False):
        raise UserError(f"{path}: a file of the store is missing, cut short or altered; {REMEDY}")
    try:
        group = zarr.open_group(path, mode="r")
        for name, array in arrays(group):
            num_files = len(_files(path / name / "c"))
            sides = array.shards or array.chunks
            if num_files != math.prod(-(-length // side) for length, side in zip(array.shape, sides, strict=True)):
                raise ValueError(f"array {name} lacks chunks")
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, ZeroDivisionError) as error:
        raise UserError(f"{path}: made by something else ({' '.join(str(error).split())[:100]}); {REMEDY}") from error
    return group


def verify(path: Path, kind: str) -> int:
    """Reads every byte of a finished store. Returns the number of its files. Raises UserError when a byte is not what
    it was when the store was finished, naming the array where one does not pass its checksum."""
    group = open_store(path, kind)
    stamped = {name: value for name, value in group.attrs.items() if name not in ("identity", "inventory", "complete")}
    if _digest(path, stamped, with_chunks=True) != group.attrs["identity"]:
        for name, array in arrays(group):
            for start in range(0, array.shape[0], array.chunks[0]):
                read_rows(group, name, slice(start, start + array.chunks[0]))
        raise UserError(
            f"{path}: the bytes are not those of {str(group.attrs['identity'])[:12]}, as it calls itself; {REMEDY}"
        )
    return len(_files(path))


def read_rows(group: zarr.Group, name: str, rows: slice | np.ndarray = slice(None)) -> np.ndarray:
    """Returns `rows` (a slice or integers, in any order) of an array. Raises UserError when its bytes fail their
    checksum."""
    array = array_of(group, name)
    try:
        if isinstance(rows, slice):
            return np.asarray(array[rows])
        # Runs of neighbours, and of rows of one chunk, which a read fetches as a whole: Zarr's own indexing by integers
        # is 20 times slower on arrays of many axes.
        rows = np.asarray(rows)
        breaks = (np.diff(rows) != 1) & (np.diff(rows // array.chunks[0]) != 0)
        runs = np.split(rows, np.flatnonzero(breaks) + 1) if len(rows) else []
        firsts = [run.min() for run in runs]
        parts = [np.asarray(array[first : run.max() + 1])[run - first] for first, run in zip(firsts, runs, strict=True)]
        return np.concatenate([np.asarray(array[:0]), *parts])
    except (ValueError, RuntimeError, OSError, MemoryError) as error:
        raise UserError(f"{_root(group)}: array '{name}' is damaged on disk; {REMEDY}") from error


def array_of(group: zarr.Group, name: str) -> zarr.Array:
    """The array called `name`, which must be there."""
    found = group[name]
    assert isinstance(found, zarr.Array), f"{name} is no array"
    return found


def made_from(group: zarr.Group) -> dict[str, str]:
    """The identity of each input by its name."""
    found = {name: value for name, value in group.attrs.items() if name.startswith(MADE_FROM)}
    return {name.removeprefix(MADE_FROM): str(identity) for name, identity in found.items()}


def arrays(group: zarr.Group) -> list[tuple[str, zarr.Array]]:
    """All arrays of the group by name. Zarr itself would trip over the files of desktops and network drives."""
    folders = sorted(folder.name for folder in _root(group).iterdir() if (folder / ROOT).is_file())
    found = [(name, group[name]) for name in folders if not is_of_system(Path(name))]
    return [(name, array) for name, array in found if isinstance(array, zarr.Array)]


def partial_place(path: Path) -> Path:
    """Where the store for `path` is under construction."""
    return path.with_name(path.name + ".partial")


def _root(node: zarr.Group | zarr.Array) -> Path:
    store = node.store_path.store
    assert isinstance(store, LocalStore)
    return store.root


def _files(root: Path) -> list[Path]:
    """All but those that a desktop or a network drive has put there."""
    return sorted(file for file in root.rglob("*") if file.is_file() and not is_of_system(file.relative_to(root)))


def _document(root: Path) -> dict:
    """What Zarr says of the group, its attributes among it, without asking Zarr."""
    return json.loads((root / ROOT).read_text(encoding="utf-8"))


def _consolidated(root: Path) -> dict:
    """The documents of all arrays, as zarr.consolidate_metadata puts them together (which warns that the specification
    of Zarr 3 does not have them yet; readers that do not know them leave them alone)."""
    arrays = {file.parent.name: json.loads(file.read_text(encoding="utf-8")) for file in root.glob(f"*/{ROOT}")}
    return {"kind": "inline", "must_understand": False, "metadata": dict(sorted(arrays.items()))}


def _digest(root: Path, about: dict, *, with_chunks: bool) -> str:
    """SHA-256 over what is said `about` the group and the files of its arrays in the order of their names.

    Without chunks their lengths stand for them, which is quick however big the store.
    """
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for file in _files(root):
        if file == root / ROOT:
            continue
        digest.update(f"{file.relative_to(root).as_posix()}\0{file.stat().st_size}\0".encode())
        if with_chunks or file.name == ROOT:
            with file.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _write_through(file: Path) -> None:
    with file.open("rb") as stream:
        os.fsync(stream.fileno())


def _replace(path: Path, whole: Path) -> None:
    if path.exists():
        shutil.rmtree(path)
    whole.rename(path)
