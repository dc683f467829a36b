import numpy as np
import pytest
import xarray

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.frames import frame_store_writer
from pipeline.frames.frame_store import FRAME_DIMS, TRUTH_DIMS, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter

SHAPE = (4, 8, 10, 3)


def frames_of(row: int) -> np.ndarray:
    return np.random.default_rng(row).integers(0, 256, SHAPE, dtype=np.uint8)


def truth_of(row: int, num_objects: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(100 + row)
    return {
        "segmentation": random.integers(0, 3, SHAPE[:3], dtype=np.uint8),
        "background": random.integers(0, 256, SHAPE, dtype=np.uint8),
        "position": random.random((4, num_objects, 2), np.float32),
        "velocity": random.random((4, num_objects, 2), np.float32),
        "size": random.random(num_objects, np.float32),
        "color": random.random((num_objects, 3), np.float32),
        "shape": random.integers(0, 9, num_objects, dtype=np.uint8),
        "present": np.ones(num_objects, bool),
    }


def write(path, num_rows: int, expected: int, with_truth: bool = False) -> str:
    writer = FrameStoreWriter(
        path, expected, SHAPE, fps=12.5, crop="center", source="abc", num_objects=2 if with_truth else None,
    )
    for row in range(num_rows):
        truth = truth_of(row, row % 3) if with_truth else {}
        split = "val" if row == 1 else "train"
        writer.append(frames_of(row), truth, video_id=f"video {row // 2}", first_frame=row % 2 * 4, split=split)
    assert not path.exists()
    return writer.finish()


@pytest.mark.parametrize("rows_per_shard", [1, 3, 100])
@pytest.mark.parametrize("expected", [1, 7, 20], ids=["too few expected", "as many as expected", "too many expected"])
def test_what_is_appended_is_read(tmp_path, monkeypatch, rows_per_shard, expected):
    monkeypatch.setattr(frame_store_writer, "_SHARD_BYTES", rows_per_shard * int(np.prod(SHAPE)))
    identity = write(tmp_path / "a.zarr", 7, expected)
    store = open_frames(tmp_path / "a.zarr")
    assert (store.identity, store.fps, store.crop, store.made_from) == (identity, 12.5, "center", {"source": "abc"})
    assert (len(store), store.num_frames, store.height, store.width, store.num_channels) == (7, *SHAPE)
    assert np.array_equal(store.read(slice(None)), np.stack([frames_of(row) for row in range(7)]))
    assert np.array_equal(store.read(np.array([5, 0, 0, 1])), np.stack([frames_of(row) for row in (5, 0, 0, 1)]))
    assert store.video_id.tolist() == [f"video {row // 2}" for row in range(7)]
    assert store.first_frame.tolist() == [0, 4, 0, 4, 0, 4, 0]
    assert store.rows("val").tolist() == [1] and store.rows("train").tolist() == [0, 2, 3, 4, 5, 6]
    assert store.rows("test").size == 0 and store.truth_names == ()


def test_truth_is_padded_over_the_objects(tmp_path):
    write(tmp_path / "a.zarr", 6, 6, with_truth=True)
    store = open_frames(tmp_path / "a.zarr")
    assert set(store.truth_names) == set(TRUTH_DIMS)
    assert store.read_truth("present", slice(None)).tolist() == [[False] * 2, [True, False], [True] * 2] * 2
    for row in range(6):
        truth = truth_of(row, row % 3)
        for name in ("segmentation", "background"):
            assert np.array_equal(store.read_truth(name, np.array([row]))[0], truth[name])
        for name in ("size", "color", "shape"):
            stored = store.read_truth(name, slice(row, row + 1))[0]
            assert np.array_equal(stored[: row % 3], truth[name]) and not stored[row % 3 :].any()
        for name in ("position", "velocity"):
            stored = store.read_truth(name, slice(row, row + 1))[0]
            assert np.array_equal(stored[:, : row % 3], truth[name]) and not stored[:, row % 3 :].any()


def test_xarray_opens_it_as_one_labelled_dataset(tmp_path):
    write(tmp_path / "a.zarr", 6, 6, with_truth=True)
    dataset = xarray.open_zarr(tmp_path / "a.zarr")
    assert dataset["frames"].dims == FRAME_DIMS
    assert set(dataset.coords) == {"video_id", "first_frame", "split"}
    for name, dims in TRUTH_DIMS.items():
        assert dataset[f"truth_{name}"].dims == dims and "units" in dataset[f"truth_{name}"].attrs
    assert dataset["truth_position"].attrs["units"] == "px"


def test_a_store_stays_in_few_files(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_store_writer, "_SHARD_BYTES", 1)
    monkeypatch.setattr(frame_store_writer, "_MAX_SHARDS", 3)
    write(tmp_path / "a.zarr", 50, 50)
    assert sum(file.is_file() for file in (tmp_path / "a.zarr" / "frames" / "c").rglob("*")) == 3


def test_equal_sequences_give_equal_stores(tmp_path):
    assert write(tmp_path / "a.zarr", 3, 3, True) == write(tmp_path / "b.zarr", 3, 3, True)


def test_missing_store_is_refused(tmp_path):
    with pytest.raises(UserError, match="wanted a layercast frames store"):
        open_frames(tmp_path / "a.zarr")


def test_files_of_desktops_and_network_drives_in_a_store_change_nothing(tmp_path):
    identity = write(tmp_path / "a.zarr", 3, 3)
    num_files = zarr_io.verify(tmp_path / "a.zarr", "frames")
    for name in ("frames/c/.DS_Store", "frames/c/0/._0", "Thumbs.db", "frames/@eaDir/x/y", ".AppleDouble/zarr.json"):
        (tmp_path / "a.zarr" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "a.zarr" / name).write_bytes(b"rubbish")
    assert open_frames(tmp_path / "a.zarr").identity == identity
    assert zarr_io.verify(tmp_path / "a.zarr", "frames") == num_files
