"""The store of predicted frames."""

import numpy as np
import pytest
import xarray

from pipeline.errors import UserError
from pipeline.frames.prediction_store import PredictionWriter, open_predicted_frames

RANDOM = np.random.default_rng(0)
FRAMES = RANDOM.integers(0, 256, (18, 2, 3, 8, 6, 3), dtype=np.uint8)
STRAIGHT_ON = RANDOM.integers(0, 256, (18, 3, 8, 6, 3), dtype=np.uint8)
SEGMENTATION = RANDOM.integers(0, 4, (18, 4, 8, 6), dtype=np.uint8)

MAPS = {
    "spread": RANDOM.integers(0, 256, (18, 3, 8, 6), dtype=np.uint8),
    "occupancy": RANDOM.integers(0, 256, (18, 3, 4, 8, 6), dtype=np.uint8),
}


def write(path, chunk: int, maps: tuple[str, ...] = ()) -> str:
    writer = PredictionWriter(
        path, (8, 6, 3), [f"video {i}" for i in range(18)], [3 * i for i in range(18)], num_samples=2, context_frames=4,
        horizon=3, fps=12.5, made_from={"predictor": "p"}, carry_pictures=True, spread="full", maps=maps, num_slots=4,
    )
    for start in range(0, 18, chunk):
        part = slice(start, start + chunk)
        writer.write(FRAMES[part], STRAIGHT_ON[part], SEGMENTATION[part], **{name: MAPS[name][part] for name in maps})
    return writer.finish()


def test_what_is_written_is_read(tmp_path):
    identity = write(tmp_path / "p.zarr", 5)
    store = open_predicted_frames(tmp_path / "p.zarr")
    assert (store.identity, store.made_from, store.fps) == (identity, {"predictor": "p"}, 12.5)
    assert (store.context_frames, store.horizon, store.num_clips, store.num_samples) == (4, 3, 18, 2)
    assert store.carry_pictures and store.spread == "full"
    assert (store.height, store.width, store.num_channels) == (8, 6, 3)
    assert store.video_id.tolist()[:2] == ["video 0", "video 1"] and store.first_frame.tolist()[:3] == [0, 3, 6]
    np.testing.assert_array_equal(store.read(2, 17), FRAMES[2:17])
    np.testing.assert_array_equal(store.read_straight_on(2, 17), STRAIGHT_ON[2:17])
    np.testing.assert_array_equal(store.read_context_segmentation(2, 17), SEGMENTATION[2:17])


@pytest.mark.parametrize("maps", [(), ("spread",), ("occupancy",), ("spread", "occupancy")])
def test_how_sure_it_is_may_be_left_out(tmp_path, maps):
    write(tmp_path / "p.zarr", 5, maps)
    store, data = open_predicted_frames(tmp_path / "p.zarr"), xarray.open_zarr(tmp_path / "p.zarr")
    for name, read in (("spread", store.read_spread), ("occupancy", store.read_occupancy)):
        if name in maps:
            np.testing.assert_array_equal(read(2, 17), MAPS[name][2:17])
            np.testing.assert_array_equal(data[name], MAPS[name])
        else:
            assert read(2, 17) is None and name not in data
    if "spread" in maps:
        assert data.spread.dims == ("clip", "time", "height", "width") and data.spread.units == "1/510"
    if "occupancy" in maps:
        assert data.occupancy.dims == ("clip", "time", "slot", "height", "width") and data.occupancy.units == "1/255"
        assert data.slot.values.tolist() == [0, 1, 2, 3]


def test_maps_that_were_asked_for_have_to_come(tmp_path):
    with pytest.raises(AssertionError, match="wanted.*occupancy"):
        writer = PredictionWriter(
            tmp_path / "p.zarr", (8, 6, 3), ["a"], [0], num_samples=2, context_frames=4, horizon=3, fps=1,
            made_from={}, carry_pictures=False, spread="full", maps=("occupancy",), num_slots=4,
        )
        writer.write(FRAMES[:1], STRAIGHT_ON[:1], SEGMENTATION[:1])


def test_batches_do_not_change_its_bytes(tmp_path):
    assert write(tmp_path / "a.zarr", 1, tuple(MAPS)) == write(tmp_path / "b.zarr", 18, tuple(MAPS))


def test_xarray_opens_it_as_one_labelled_dataset(tmp_path):
    write(tmp_path / "p.zarr", 6)
    data = xarray.open_zarr(tmp_path / "p.zarr")
    assert data.frames.dims == ("clip", "sample", "time", "height", "width", "channel")
    assert data.straight_on.dims == ("clip", "time", "height", "width", "channel")
    assert data.context_segmentation.dims == ("clip", "context_time", "height", "width")
    assert set(data.coords) == {"video_id", "first_frame", "sample", "time", "context_time"}
    assert data.time.values.tolist() == [4, 5, 6] and data.context_time.values.tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(data.frames.sel(time=5, sample=1)[7], FRAMES[7, 1, 1])


def test_a_store_that_lacks_clips_is_never_finished(tmp_path):
    writer = PredictionWriter(
        tmp_path / "p.zarr", (8, 6, 3), ["a", "b"], [0, 0], num_samples=2, context_frames=4, horizon=3, fps=1,
        made_from={}, carry_pictures=False, spread="branches",
    )
    writer.write(FRAMES[:1], STRAIGHT_ON[:1], SEGMENTATION[:1])
    with pytest.raises(AssertionError, match="1 of 2 clips"):
        writer.finish()
    with pytest.raises(UserError, match="predicted_frames store"):
        open_predicted_frames(tmp_path / "p.zarr")


def test_every_array_is_of_the_same_clips(tmp_path):
    writer = PredictionWriter(
        tmp_path / "p.zarr", (8, 6, 3), ["a", "b"], [0, 0], num_samples=2, context_frames=4, horizon=3, fps=1,
        made_from={}, carry_pictures=False, spread="branches",
    )
    with pytest.raises(AssertionError, match="straight_on"):
        writer.write(FRAMES[:2], STRAIGHT_ON[:1], SEGMENTATION[:2])
    with pytest.raises(AssertionError, match="context_segmentation: int64"):
        writer.write(FRAMES[:2], STRAIGHT_ON[:2], SEGMENTATION[:2].astype(np.int64))
