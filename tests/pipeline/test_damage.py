"""Every byte of a store in turn: damage is noticed or harmless, never a wrong number.

What describes arrays, in files of their own and once more in the group's, is sampled unless EVERY_BYTE=1 is set (then
it takes some minutes).
"""

import functools
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import KIND, LatentWriter, open_latents
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(**{name: 1 for name in LatentSpec.model_fields})
FILES = {"frames": 9, "latents": 24}
"""How many files each of the stores has at least."""


def write_frames(path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 2, 8, 8, 1), dtype=np.uint8)
    writer = FrameStoreWriter(path, 2, frames.shape[1:], fps=10, crop="none", source="s" * 64, num_objects=None)
    for i, split in enumerate(("train", "val")):
        writer.append(frames[i], {}, video_id=f"video {i}", first_frame=2 * i, split=split)
    writer.finish()


def write_latents(path: Path) -> None:
    labels = np.array(["a", "b"]), np.array([0, 2]), np.array(["train", "val"])
    writer = LatentWriter(path, SPEC, *labels, num_frames=2, fps=10, made_from={"frames": "f" * 64})
    random = torch.Generator().manual_seed(0)
    writer.write(0, Latents(**{name: torch.rand(2, *SPEC.shape(name, 2), generator=random) for name in CODES}))
    writer.finish()


def read_frames(path: Path) -> list:
    store = open_frames(path)
    return [store.read(slice(None)), store.video_id, store.first_frame, store.split, store.fps, store.crop,
            store.identity, store.made_from]


def read_latents(path: Path) -> list:
    store = open_latents(path)
    codes = [code.numpy() for code in store.read(slice(None)).codes.values()]
    group = zarr_io.open_store(path, KIND)
    axes = [zarr_io.read_rows(group, name) for name in ("time", "slot", "pose_component", "camera_component")]
    labels = [store.video_id, store.first_frame, store.split, store.fps, store.spec]
    return [*codes, *axes, *labels, store.identity, store.made_from]


STORES = {"frames": (write_frames, read_frames), "latents": (write_latents, read_latents)}
every_store = pytest.mark.parametrize("kind", STORES)


@pytest.fixture
def store(tmp_path, kind):
    """The path of a store and a function that says whether its damage is noticed; a wrong number is a failure."""
    write, read = STORES[kind]
    write(tmp_path / "a.zarr")
    intact = read(tmp_path / "a.zarr")

    def is_noticed(file: Path) -> bool:
        try:
            found = read(tmp_path / "a.zarr")
        except UserError as error:
            assert "\n" not in str(error) and "a.zarr" in str(error)
            return True
        assert all(np.array_equal(here, there) for here, there in zip(found, intact, strict=True)), file
        return False

    return tmp_path / "a.zarr", is_noticed


@every_store
def test_every_flipped_byte_is_noticed_or_harmless(store, kind):
    path, is_noticed = store
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    step = 1 if "EVERY_BYTE" in os.environ else 7
    noticed = []
    for file in files:
        noticed += [flip(file, place, functools.partial(is_noticed, file)) for place in places(path, file, step)]
    assert len(files) >= FILES[kind] and len(noticed) > 1000
    assert np.mean(noticed) > 0.98, "only what lies between the words of zarr.json may be harmless"


def places(path: Path, file: Path, step: int) -> list[int]:
    """The bytes of a file of the store at `path` that are tried: all, of descriptions of arrays one in `step`."""
    content, whole = file.read_bytes(), 0
    if file.name != "zarr.json":
        whole = len(content)
    elif file.parent == path:
        whole = content.index(b"consolidated_metadata")
    return [*range(whole), *range(whole, len(content), step)]


def flip(file: Path, place: int, is_noticed) -> bool:
    original = file.read_bytes()
    file.write_bytes(original[:place] + bytes([original[place] ^ 1 << place % 8]) + original[place + 1 :])
    try:
        return is_noticed()
    finally:
        file.write_bytes(original)


@every_store
def test_every_lost_or_shortened_file_is_noticed(store, kind):
    path, is_noticed = store
    for file in [file for file in sorted(path.rglob("*")) if file.is_file()]:
        content = file.read_bytes()
        for rest in (None, b"", content[:-1]):
            file.unlink() if rest is None else file.write_bytes(rest)
            assert is_noticed(file), f"{file} with {rest!r}"
            file.write_bytes(content)
    assert not is_noticed(path)
