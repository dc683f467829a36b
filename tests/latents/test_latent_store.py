import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import xarray

from pipeline.errors import UserError
from pipeline.latents import camera_code
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import (
    ROWS_PER_SHARD,
    LatentWriter,
    PredictedLatentsWriter,
    open_latents,
    open_predicted_latents,
)
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(
    num_slots=3, background_dim=5, appearance_dim=7, height=16, width=24, motion_dim=1, detail_dim=2, deformation_dim=1
)
NUM_ROWS = ROWS_PER_SHARD + 5


def some_latents(batch, num_frames, seed=0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    return Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES})


def writer(path, create=True) -> LatentWriter:
    split = np.array(["train", "val", "test"])[np.arange(NUM_ROWS) % 3]
    return LatentWriter(
        path, SPEC, np.array([f"vidéo {i}" for i in range(NUM_ROWS)]), np.arange(NUM_ROWS) * 20, split,
        num_frames=6, fps=12.5, made_from={"frames": "f", "autoencoder": "a"}, create=create,
    )


def write(path, latents) -> str:
    rows = writer(path)
    rows.write(0, latents.map(lambda code: code[:ROWS_PER_SHARD]))
    rows.write(ROWS_PER_SHARD, latents.map(lambda code: code[ROWS_PER_SHARD:]))
    return rows.finish()


def write_predicted(path, futures, num_samples=2) -> str:
    clips = PredictedLatentsWriter(
        path, SPEC, np.array([f"video {i}" for i in range(len(futures))]), np.arange(len(futures)),
        num_samples=num_samples, context_frames=2, horizon=4, fps=10.0, made_from={"predictor": "p"},
    )
    for future in futures:
        clips.write(future)
    return clips.finish()


def some_futures(num_clips=70, num_samples=2):
    futures = []
    for i in range(num_clips):
        one, drawn = some_latents(1, 6, i), some_latents(num_samples, 6, 1000 + i)
        repeated = {n: c.expand(num_samples, *c.shape[1:]) for n, c in one.codes.items() if not CODES[n].varies}
        futures.append(drawn.replace(**repeated))
    return futures


@pytest.fixture
def latents():
    return some_latents(NUM_ROWS, 6)


def test_what_was_written_is_read(tmp_path, latents):
    identity = write(tmp_path / "l.zarr", latents)
    store = open_latents(tmp_path / "l.zarr")
    assert (store.identity, store.spec, store.fps, store.num_frames, len(store)) == (identity, SPEC, 12.5, 6, NUM_ROWS)
    assert store.made_from == {"frames": "f", "autoencoder": "a"}
    assert store.video_id[3] == "vidéo 3" and store.first_frame[3] == 60
    assert store.rows("val").tolist() == list(range(1, NUM_ROWS, 3))
    rows = np.array([260, 1, 0, 1])
    for name, code in store.read(rows).codes.items():
        assert code.dtype == torch.float32 and torch.equal(code, latents.codes[name][rows])


def test_several_writers_give_the_bytes_of_one(tmp_path, latents):
    one = write(tmp_path / "one.zarr", latents)
    first = writer(tmp_path / "two.zarr")
    writer(tmp_path / "two.zarr", create=False).write(ROWS_PER_SHARD, latents.map(lambda code: code[ROWS_PER_SHARD:]))
    first.write(0, latents.map(lambda code: code[:ROWS_PER_SHARD]))
    assert first.finish() == one


def test_part_of_a_shard_is_not_written(tmp_path, latents):
    with pytest.raises(AssertionError):
        writer(tmp_path / "l.zarr").write(0, latents.map(lambda code: code[:10]))
    assert not (tmp_path / "l.zarr").exists()


def test_futures_are_read_with_the_samples_of_a_clip_side_by_side(tmp_path):
    futures = some_futures()
    identity = write_predicted(tmp_path / "p.zarr", futures)
    store = open_predicted_latents(tmp_path / "p.zarr")
    assert (store.identity, store.spec, store.num_clips, store.num_samples) == (identity, SPEC, 70, 2)
    assert (store.context_frames, store.horizon, store.fps, store.made_from) == (2, 4, 10.0, {"predictor": "p"})
    assert store.video_id[69] == "video 69" and store.first_frame[69] == 69
    for name, code in store.read(np.array([69, 0])).codes.items():
        assert torch.equal(code, torch.cat([futures[69].codes[name], futures[0].codes[name]]))
    assert torch.equal(store.read(slice(3, 5)).pose, torch.cat([futures[3].pose, futures[4].pose]))


def test_codes_of_width_zero_are_left_out_and_read_as_such(tmp_path):
    narrow = LatentSpec(**SPEC.model_dump() | {"motion_dim": 0, "detail_dim": 0, "deformation_dim": 0})
    codes = some_latents(2, 6).codes
    given = Latents(**{name: codes[name] for name in narrow.names})
    rows = LatentWriter(tmp_path / "l.zarr", narrow, np.array(["a", "b"]), np.arange(2), np.array(["train", "val"]),
                        num_frames=6, fps=1.0, made_from={})
    rows.write(0, given)
    rows.finish()
    clips = PredictedLatentsWriter(tmp_path / "p.zarr", narrow, np.array(["a"]), np.arange(1), num_samples=2,
                                   context_frames=2, horizon=4, fps=1.0, made_from={})
    clips.write(given)
    clips.finish()
    for store in (open_latents(tmp_path / "l.zarr"), open_predicted_latents(tmp_path / "p.zarr")):
        assert store.spec == narrow and store.read(slice(None)).check(narrow).deformation.shape == (2, 6, 3, 0)
        with xarray.open_zarr(store.path) as opened:
            assert set(opened.data_vars) == {*narrow.names, "pose_of_empty"} and "detail_dim" not in opened.attrs


def test_missing_clips_are_noticed(tmp_path):
    futures = some_futures(3)
    clips = PredictedLatentsWriter(tmp_path / "p.zarr", SPEC, np.array(["a", "b"]), np.arange(2), num_samples=2,
                                   context_frames=2, horizon=4, fps=1.0, made_from={})
    clips.write(futures[0])
    with pytest.raises(AssertionError, match="1 of 2"):
        clips.finish()


def test_xarray_opens_both_as_labelled_datasets(tmp_path, latents):
    write(tmp_path / "l.zarr", latents)
    write_predicted(tmp_path / "p.zarr", some_futures(3))
    encoded = xarray.open_zarr(tmp_path / "l.zarr")
    assert encoded.pose.dims == ("sequence", "time", "slot", "pose_component")
    assert encoded.pose.sel(pose_component="log_scale").shape == (NUM_ROWS, 6, 3)
    assert tuple(encoded.camera_component.values) == camera_code.COMPONENTS
    assert tuple(encoded.pose_component.values) == poses.COMPONENTS
    assert set(encoded.data_vars) == {*CODES, "pose_of_empty"} and all("units" in encoded[name].attrs for name in CODES)
    predicted = xarray.open_zarr(tmp_path / "p.zarr")
    assert predicted.pose.dims == ("clip", "sample", "time", "slot", "pose_component")
    assert predicted.appearance.dims == ("clip", "slot", "appearance_code")
    assert predicted.time.values.tolist() == list(range(6)) and predicted.attrs["context_frames"] == 2
    assert {"video_id", "first_frame", "sample", "time"} <= set(predicted.coords)


def test_empty_slots_have_no_place_for_readers_but_models_get_what_they_were_given(tmp_path):
    latents = some_latents(2, 6)
    latents.presence[:] = torch.tensor([[1.0, 0, 1], [0, 1, 0.2]])
    given = latents.pose.clone()
    rows = LatentWriter(tmp_path / "l.zarr", SPEC, ["a", "b"], [0, 0], ["train", "val"], num_frames=6, fps=1.0,
                        made_from={}, object_px=12, about={"source_fps": "25 frames/s"})
    rows.write(0, latents)
    rows.finish()
    clips = PredictedLatentsWriter(tmp_path / "p.zarr", SPEC, ["a"], [0], num_samples=2, context_frames=2, horizon=4,
                                   fps=1.0, made_from={}, object_px=12, about={"source_fps": "25 frames/s"})
    latents.presence[1] = latents.presence[0]  # two samples of one clip
    clips.write(latents)
    clips.finish()
    empty = {"l": [[False, True, False], [True, False, True]], "p": [[[False, True, False]]]}
    for name, is_empty in empty.items():
        with xarray.open_zarr(tmp_path / f"{name}.zarr") as opened:
            pose, size = opened.pose.values, opened.object_px
            nan = np.isnan(pose).all(-1)
            assert np.array_equal(nan, np.isnan(pose).any(-1)) and np.array_equal(nan, np.isnan(size.values))
            assert np.array_equal(nan, np.broadcast_to(np.array(is_empty)[..., None, :], nan.shape))
            scale = opened.pose.sel(pose_component="log_scale")
            np.testing.assert_allclose(size, 12 * np.exp(scale), rtol=1e-6)
            assert size.attrs["units"] == "px" and "12 px exp(log_scale)" in opened.pose.attrs["description"]
            assert opened.attrs["object_px_at_log_scale_0"] == 12 and opened.attrs["source_fps"] == "25 frames/s"
    assert torch.equal(open_latents(tmp_path / "l.zarr").read(slice(None)).pose, given)
    assert torch.equal(open_predicted_latents(tmp_path / "p.zarr").read(slice(None)).pose, given)


def test_xarray_writes_both_as_netcdf(tmp_path, latents):
    write(tmp_path / "l.zarr", latents)
    write_predicted(tmp_path / "p.zarr", some_futures(3))
    for name, made_from in (("l", {"frames": "f", "autoencoder": "a"}), ("p", {"predictor": "p"})):
        with xarray.open_zarr(tmp_path / f"{name}.zarr") as opened:
            opened.to_netcdf(tmp_path / f"{name}.nc")
            with xarray.open_dataset(tmp_path / f"{name}.nc") as read:
                xarray.testing.assert_equal(read.pose, opened.pose)
                assert {label: read.attrs[f"made_from_{label}"] for label in made_from} == made_from


def test_the_wrong_kind_and_a_lost_file_are_refused(tmp_path, latents):
    write(tmp_path / "l.zarr", latents)
    write_predicted(tmp_path / "p.zarr", some_futures(3))
    with pytest.raises(UserError, match="predicted_latents"):
        open_latents(tmp_path / "p.zarr")
    with pytest.raises(UserError, match="predicted_latents"):
        open_predicted_latents(tmp_path / "l.zarr")
    shutil.rmtree(tmp_path / "l.zarr" / "pose" / "c" / "1")
    with pytest.raises(UserError, match="missing"):
        open_latents(tmp_path / "l.zarr")


def test_numbers_that_another_version_names_otherwise_are_refused_in_a_line(tmp_path, monkeypatch):
    old = ("x", "y", "log_zoom", "gain", "brightness")
    with monkeypatch.context() as patched:
        patched.setitem(CODES, "camera", replace(CODES["camera"], components=old, width=len(old)))
        write(tmp_path / "l.zarr", some_latents(NUM_ROWS, 6))
        write_predicted(tmp_path / "p.zarr", some_futures(2))
        open_latents(tmp_path / "l.zarr")
    for open_it, name in ((open_latents, "l.zarr"), (open_predicted_latents, "p.zarr")):
        with pytest.raises(UserError, match=rf"{name}: wanted camera as x, .*roll.*, found x, .*; run the stage"):
            open_it(tmp_path / name)
