import json
import os
import shutil

import numpy as np
import pytest
import xarray
import zarr

from pipeline import zarr_io
from pipeline.errors import UserError

DIMS = ("sequence", "time", "height")
VIDEO_IDS = ["a", "ordinary name", "ü/日本", ""] * 3


def values() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 3, 4), dtype=np.uint8)


def write(path, *, step=12, kind="frames", rows_per_chunk=2, rows_per_shard=8):
    """A store of twelve rows, `step` of them written at a time. Returns its identity."""
    group = zarr_io.create(path, kind, {"fps": 10.0}, {"source": "abc"}, ("video_id",))
    array = zarr_io.add_array(group, "frames", (12, 3, 4), np.uint8, DIMS, rows_per_chunk=rows_per_chunk,
                              rows_per_shard=rows_per_shard, units="1")
    for start in range(0, 12, step):
        array[start:start + step] = values()[start:start + step]
    zarr_io.add_coordinate(group, "video_id", VIDEO_IDS, ("sequence",))
    zarr_io.add_coordinate(group, "nothing", np.zeros(12, bool), ("sequence",))
    return zarr_io.finish(path)


def read_everything(path):
    group = zarr_io.open_store(path, "frames")
    return {name: zarr_io.read_rows(group, name) for name in ("frames", "video_id", "nothing")}


def files_of(path):
    return sorted(file for file in path.rglob("*") if file.is_file())


@pytest.fixture
def store(tmp_path):
    path = tmp_path / "frames.zarr"
    write(path)
    return path


def test_what_was_written_is_read(store):
    read = read_everything(store)
    assert np.array_equal(read["frames"], values())
    assert list(read["video_id"]) == VIDEO_IDS
    assert read["nothing"].dtype == bool and not read["nothing"].any()


def test_rows_come_in_the_order_asked_for(store):
    group = zarr_io.open_store(store, "frames")
    assert np.array_equal(zarr_io.read_rows(group, "frames", [11, 0, 0, 5]), values()[[11, 0, 0, 5]])
    assert np.array_equal(zarr_io.read_rows(group, "frames", slice(3, 9)), values()[3:9])


def test_every_chunk_is_fetched_once_however_its_rows_are_scattered(store, monkeypatch):
    group, fetched = zarr_io.open_store(store, "frames"), []
    read = zarr.Array.__getitem__
    monkeypatch.setattr(zarr.Array, "__getitem__", lambda array, rows: fetched.append(rows) or read(array, rows))
    for rows in ([1, 0], [8, 9, 9], [1, 2], [3, 2]):  # chunks are of two rows
        fetched.clear()
        assert np.array_equal(zarr_io.read_rows(group, "frames", np.array(rows)), values()[rows])
        assert [span for span in fetched if span != slice(None, 0)] == [slice(min(rows), max(rows) + 1)]
    fetched.clear()
    assert np.array_equal(zarr_io.read_rows(group, "frames", np.array([0, 5, 11])), values()[[0, 5, 11]])
    assert len(fetched) == 1 + 3  # nothing between them is read


def test_equal_content_gives_equal_bytes_however_it_was_written(tmp_path):
    identities = {write(tmp_path / f"{step}.zarr", step=step) for step in (1, 5, 12)}
    assert len(identities) == 1
    first, *others = ([file.read_bytes() for file in files_of(tmp_path / f"{step}.zarr")] for step in (1, 5, 12))
    assert all(other == first for other in others)


def test_identity_follows_content_and_provenance(tmp_path):
    path = tmp_path / "a.zarr"
    identity = write(path)
    assert zarr_io.open_store(path, "frames").attrs["identity"] == identity
    group = zarr_io.create(path, "frames", {}, {"source": "another"}, ())
    zarr_io.add_coordinate(group, "x", [1, 2], ("sequence",))
    first = zarr_io.finish(path)
    group = zarr_io.create(path, "frames", {}, {"source": "another"}, ())
    zarr_io.add_coordinate(group, "x", [1, 3], ("sequence",))
    assert len({identity, first, zarr_io.finish(path)}) == 3


def test_the_group_says_of_every_array_what_the_array_does(store):
    """Where nothing can be listed, the arrays are found by it; xarray opens it without a warning, which is an error
    here."""
    said = json.loads((store / "zarr.json").read_text())["consolidated_metadata"]["metadata"]
    assert said == {name: json.loads((store / name / "zarr.json").read_text()) for name in said}
    opened = zarr.open_group(store, mode="r", use_consolidated=True)
    assert set(said) == {"frames", "nothing", "video_id"} == set(dict(opened.arrays()))
    with xarray.open_zarr(store) as dataset:
        assert dataset.sizes["sequence"] == 12 and np.array_equal(dataset["frames"], values())


def test_what_the_group_says_of_its_arrays_is_held_to_what_was_written(store):
    file = store / "zarr.json"
    document = json.loads(file.read_text())
    document["consolidated_metadata"]["metadata"]["frames"]["attributes"]["units"] = "2"
    file.write_text(json.dumps(document))
    with pytest.raises(UserError, match="altered"):
        zarr_io.open_store(store, "frames")


def test_a_shard_is_one_file(store):
    assert len(list((store / "frames" / "c").rglob("*"))) - len(list((store / "frames" / "c").rglob("*/"))) == 2
    assert zarr_io.open_store(store, "frames")["frames"].shards == (8, 3, 4)


@pytest.mark.parametrize(("rows_per_chunk", "rows_per_shard"), [(1, 1), (5, 3), (7, 100), (100, None), (4, 8)])
def test_any_chunk_and_shard_length(tmp_path, rows_per_chunk, rows_per_shard):
    write(tmp_path / "a.zarr", rows_per_chunk=rows_per_chunk, rows_per_shard=rows_per_shard)
    assert np.array_equal(read_everything(tmp_path / "a.zarr")["frames"], values())


def test_an_unfinished_store_is_not_there(tmp_path):
    group = zarr_io.create(tmp_path / "a.zarr", "frames", {}, {}, ())
    zarr_io.add_coordinate(group, "x", [1], ("sequence",))
    with pytest.raises(UserError, match="found none"):
        zarr_io.open_store(tmp_path / "a.zarr", "frames")
    (tmp_path / "a.zarr.partial").rename(tmp_path / "a.zarr")
    with pytest.raises(UserError, match="never finished"):
        zarr_io.open_store(tmp_path / "a.zarr", "frames")


def test_an_earlier_store_stays_until_the_next_is_finished(store):
    zarr_io.create(store, "frames", {}, {}, ())
    assert np.array_equal(read_everything(store)["frames"], values())
    write(store, step=1)
    assert not store.with_name("frames.zarr.partial").exists()


def test_another_kind_or_format_is_refused(store, tmp_path, monkeypatch):
    with pytest.raises(UserError, match="wanted a layercast latents store .*found .frames"):
        zarr_io.open_store(store, "latents")
    monkeypatch.setattr(zarr_io, "FORMAT", zarr_io.FORMAT + 1)
    with pytest.raises(UserError, match=r"format 3\), found .frames. \(format 2\)"):
        zarr_io.open_store(store, "frames")
    zarr.create_group(tmp_path / "foreign.zarr")
    with pytest.raises(UserError, match="found None"):
        zarr_io.open_store(tmp_path / "foreign.zarr", "frames")


@pytest.mark.parametrize("make", [lambda path: None, lambda path: path.write_text("text"), lambda path: path.mkdir()],
                         ids=["nothing", "file", "empty folder"])
def test_what_is_no_store_is_refused(tmp_path, make):
    make(tmp_path / "a.zarr")
    with pytest.raises(UserError, match="found none"):
        zarr_io.open_store(tmp_path / "a.zarr", "frames")


def test_every_missing_or_shortened_file_is_noticed(store, tmp_path):
    for number, file in enumerate(files_of(store)):
        for length in (None, 0, file.stat().st_size // 2, file.stat().st_size - 1):
            copy = tmp_path / f"{number}-{length}"
            shutil.copytree(store, copy)
            damaged = copy / file.relative_to(store)
            damaged.unlink() if length is None else os.truncate(damaged, length)
            with pytest.raises(UserError):
                read_everything(copy)


def test_no_flipped_bit_returns_a_wrong_number(store):
    intact = read_everything(store)
    num_noticed = 0
    for file in files_of(store):
        original = file.read_bytes()
        for position in range(0, len(original), 5):
            damaged = bytearray(original)
            damaged[position] ^= 1 << position % 8
            file.write_bytes(damaged)
            try:
                read = read_everything(store)
            except UserError:
                num_noticed += 1
            else:
                assert all(np.array_equal(read[name], intact[name]) for name in intact), f"{file} byte {position}"
        file.write_bytes(original)
    assert num_noticed > 400
