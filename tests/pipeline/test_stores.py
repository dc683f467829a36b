"""One contract for every store that the pipeline writes."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import PredictionStore, open_predicted_frames
from pipeline.latents import camera_code
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import open_latents, open_predicted_latents

STORES = {
    "frames": ("frames", open_frames),
    "test_frames": ("frames", open_frames),
    "latents": ("latents", open_latents),
    "predicted_latents": ("predicted_latents", open_predicted_latents),
    "predicted_frames": ("predicted_frames", open_predicted_frames),
}
every_store = pytest.mark.parametrize("name", STORES)
MAX_FILES = 1000
"""DVC looks at each file whenever it is called."""


@pytest.fixture
def data(workspace) -> Path:
    return workspace.root / "data"


@pytest.fixture
def copy(data, tmp_path, name) -> Path:
    return Path(shutil.copytree(data / f"{name}.zarr", tmp_path / f"{name}.zarr"))


def dataset(path: Path) -> xarray.Dataset:
    return xarray.open_zarr(path)


@every_store
def test_it_opens_as_one_labelled_dataset(data, name):
    """Warnings are errors here, so a store that xarray has to guess at fails."""
    with dataset(data / f"{name}.zarr") as opened:
        axes = {dim for array in opened.variables.values() for dim in array.dims}
        assert not [dim for dim in axes if dim.startswith("dim_")]
        rows = {array.dims[0] for array in opened.data_vars.values()}
        assert rows == ({"clip"} if name.startswith("predicted") else {"sequence"})
        assert {"video_id", "first_frame"} <= set(opened.coords)
        opened.load()
        for label, array in opened.data_vars.items():
            assert array.attrs.get("units"), f"{label} has no units"


@pytest.mark.parametrize("name", ["latents", "predicted_latents"])
def test_latents_become_netcdf(data, name, tmp_path):
    """The classic format, that of SciPy, knows no bytes without sign: stores of frames want another engine."""
    with dataset(data / f"{name}.zarr") as opened:
        opened.to_netcdf(tmp_path / "x.nc")
        with xarray.open_dataset(tmp_path / "x.nc") as read:
            xarray.testing.assert_equal(read.pose, opened.pose)
            assert read.attrs["identity"] == opened.attrs["identity"]


@every_store
def test_attributes_are_flat(data, name):
    with dataset(data / f"{name}.zarr") as opened:
        for labelled in (opened, *opened.variables.values()):
            assert all(isinstance(value, str | int | float) for value in labelled.attrs.values()), labelled.attrs


@every_store
def test_it_is_complete_and_says_what_it_was_made_from(data, name):
    kind, open_it = STORES[name]
    attributes = dict(zarr.open_group(data / f"{name}.zarr", mode="r").attrs)
    assert attributes["complete"] is True and attributes["kind"] == kind
    inputs = {label: value for label, value in attributes.items() if label.startswith("made_from_")}
    assert len(attributes["identity"]) == 64 and inputs and all(len(identity) == 64 for identity in inputs.values())
    assert open_it(data / f"{name}.zarr").identity == attributes["identity"]


@every_store
def test_it_has_few_files(data, name):
    assert sum(file.is_file() for file in (data / f"{name}.zarr").rglob("*")) < MAX_FILES


@every_store
def test_an_incomplete_one_is_refused(copy, name):
    del zarr.open_group(copy, mode="r+").attrs["complete"]
    with pytest.raises(UserError, match="never finished"):
        STORES[name][1](copy)


@every_store
def test_a_missing_chunk_is_refused(copy, name):
    for number, chunk in enumerate(sorted(path for path in copy.rglob("c/**/*") if path.is_file())):
        aside = chunk.rename(copy.parent / str(number))
        with pytest.raises(UserError, match="missing"):
            STORES[name][1](copy)
        aside.rename(chunk)
    assert number >= 3
    STORES[name][1](copy)


@every_store
def test_a_flipped_byte_is_noticed(copy, name):
    kind, open_it = STORES[name]
    for chunk in sorted(path for path in copy.rglob("c/**/*") if path.is_file()):
        original = chunk.read_bytes()
        damaged = bytearray(original)
        damaged[len(damaged) // 3] ^= 16
        chunk.write_bytes(damaged)
        with pytest.raises(UserError, match="damaged"):
            group = zarr_io.open_store(copy, kind)
            zarr_io.read_rows(group, chunk.relative_to(copy).parts[0])
        chunk.write_bytes(original)


@every_store
def test_its_reader_notices_too(copy, name):
    """The readers go through the checked way, not around it."""
    kind, open_it = STORES[name]
    array = "frames" if "frames" in name else "pose"
    for chunk in (path for path in (copy / array).rglob("c/**/*") if path.is_file()):
        damaged = bytearray(chunk.read_bytes())
        damaged[len(damaged) // 3] ^= 16
        chunk.write_bytes(damaged)
    with pytest.raises(UserError, match="damaged"):
        read_all(open_it(copy))


def read_all(store):
    if isinstance(store, PredictionStore):
        return store.read(0, store.num_clips)
    return store.read(slice(None))


def test_splits_are_disjoint_and_whole(data):
    frames, test_frames = open_frames(data / "frames.zarr"), open_frames(data / "test_frames.zarr")
    assert set(frames.split) == {"train", "val"} and set(test_frames.split) == {"test"}
    videos = [set(store.video_id[store.rows(split)]) for store, split in
              ((frames, "train"), (frames, "val"), (test_frames, "test"))]
    assert sum(map(len, videos)) == len(set.union(*videos)) == 12


def test_latents_have_the_rows_of_both_frame_stores(data):
    stores = [open_frames(data / "frames.zarr"), open_frames(data / "test_frames.zarr")]
    latents = open_latents(data / "latents.zarr")
    for label in ("video_id", "first_frame", "split"):
        expected = np.concatenate([getattr(store, label) for store in stores])
        assert np.array_equal(getattr(latents, label), expected), label
    assert latents.read(np.arange(3)).check(latents.spec).num_frames == stores[0].num_frames


def test_latents_name_their_components(data):
    with dataset(data / "latents.zarr") as opened:
        assert tuple(opened.pose_component.values) == poses.COMPONENTS
        assert tuple(opened.camera_component.values) == camera_code.COMPONENTS
        own = {"pose_of_empty", "object_px"}
        assert set(CODES) - {"motion", "detail", "deformation"} | own == set(opened.data_vars)  # their width is 0
        x = opened.pose.sel(pose_component="x", slot=0).isel(sequence=0)
        assert x.dims == ("time",)
        holds = (opened.presence > 0.5).broadcast_like(opened.object_px)
        assert (np.isfinite(opened.object_px) == holds).all()
        assert (np.isfinite(opened.pose).all("pose_component") == holds).all()


def test_predictions_are_joined_with_the_truth_by_name(data):
    with dataset(data / "predicted_frames.zarr") as frames, dataset(data / "predicted_latents.zarr") as latents:
        assert frames.video_id.equals(latents.video_id) and frames.first_frame.equals(latents.first_frame)
        context_frames = latents.attrs["context_frames"]
        assert np.array_equal(latents.time, np.arange(context_frames + frames.sizes["time"]))
        assert np.array_equal(frames.time, latents.time[context_frames:])
        assert frames.sizes["sample"] == latents.sizes["sample"] == 2
    test_frames = open_frames(data / "test_frames.zarr")
    assert set(frames.video_id.values) <= set(test_frames.video_id)
