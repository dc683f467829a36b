"""Labelled, checked Zarr groups: the ground of the frame store and the latent store.

A store is one flat group. Every array names its dimensions and is split along its first axis alone (rows): a chunk is what
one read fetches, a shard is one file and has one writer. A store under construction lies beside its place as
`NAME.partial`; `finish` stamps it with the hash of its content and moves it there, so whatever is at PATH is whole.
"""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from pipeline.errors import UserError

FORMAT = 1


def create(path: Path, kind: str, attributes: dict, made_from: dict[str, str], coordinates: tuple[str, ...]) -> zarr.Group:
    """Starts a store of `kind` for `path` and returns its empty group (at `NAME.partial`; an abandoned one is replaced).

    `made_from` maps the name of each input to its identity; `coordinates` are the arrays that label rows or axes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = {"kind": kind, "format": FORMAT, "made_from": made_from, "coordinates": " ".join(coordinates)}
    return zarr.create_group(_partial(path), overwrite=True, attributes={**attributes, **labels})


def add_array(
    group: zarr.Group, name: str, shape: tuple[int, ...], dtype, dims: tuple[str, ...], *,
    rows_per_chunk: int | None = None, rows_per_shard: int | None = None, **attributes: str,
) -> zarr.Array:
    """Adds an array to fill; without `rows_per_chunk` it is one chunk. Give `units` and `description` as attributes."""
    chunk = max(1, min(rows_per_chunk or shape[0], shape[0]))
    shards = None
    if rows_per_shard is not None:
        per_shard = min(rows_per_shard, -(-shape[0] // chunk) * chunk)
        shards = (per_shard - per_shard % chunk, *shape[1:])
    return group.create_array(
        name, shape=shape, dtype=dtype, chunks=(chunk, *shape[1:]), shards=shards, dimension_names=dims,
        compressors=(ZstdCodec(level=1), Crc32cCodec()), attributes=attributes, fill_value="" if dtype is str else 0,
        # An all-zero chunk is written too: a chunk that is not there can then only be a lost one.
        config={"write_empty_chunks": True},
    )


def add_coordinate(group: zarr.Group, name: str, values, dims: tuple[str, ...], **attributes: str) -> None:
    """Adds a small array and its values at once. Strings become variable-length UTF-8."""
    values = np.asarray(values)
    is_text = values.dtype.kind in "OUT"
    array = add_array(group, name, values.shape, str if is_text else values.dtype, dims, **attributes)
    array[...] = values.astype(object) if is_text else values


def finish(path: Path) -> str:
    """Stamps the partial store with its identity, marks it complete (last) and moves it to `path`. Returns the identity."""
    partial = _partial(path)
    group = zarr.open_group(partial, mode="r+")
    identity = _content_hash(partial, dict(group.attrs))
    group.attrs["identity"] = identity
    group.attrs["complete"] = True
    if path.exists():
        shutil.rmtree(path)
    partial.rename(path)
    return identity


def open_store(path: Path, kind: str) -> zarr.Group:
    """Opens a finished store read-only. Raises UserError when it is missing, incomplete, of another kind, or lacks a chunk."""
    remedy = "run the stage that writes it again"
    try:
        group = zarr.open_group(path, mode="r")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path}: wanted a layercast {kind} store, found none; {remedy}") from error
    found = (group.attrs.get("kind"), group.attrs.get("format"))
    if found != (kind, FORMAT):
        raise UserError(f"{path}: wanted a layercast {kind} store (format {FORMAT}), found {found[0]} (format {found[1]})")
    if group.attrs.get("complete") is not True:
        raise UserError(f"{path}: the store was never finished; {remedy}")
    for name, array in group.arrays():
        # A lost file would read as the fill value, without a word.
        if array.nchunks_initialized < array.nchunks:
            raise UserError(f"{path}: array '{name}' lacks a file; {remedy}")
    return group


def _partial(path: Path) -> Path:
    return path.with_name(path.name + ".partial")


def _content_hash(root: Path, attributes: dict) -> str:
    """SHA-256 over the attributes and every file below `root` but the group's own header, in the order of their names."""
    digest = hashlib.sha256(json.dumps(attributes, sort_keys=True).encode())
    for file in sorted(file for file in root.rglob("*") if file.is_file() and file != root / "zarr.json"):
        digest.update(file.relative_to(root).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
