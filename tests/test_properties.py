"""What holds for anything: stores and weights give back what was put in, whatever its shape, type and split into
files."""

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pipeline import checkpoint, zarr_io
from pipeline.errors import UserError
from pipeline.params import Params, read_section
from pipeline.resume.states import load_state, save_state

quick = settings(max_examples=30, deadline=None, derandomize=True, database=None)
DTYPES = st.sampled_from(["uint8", "int16", "int64", "float32", "float64", "bool"])
VALUES = DTYPES.flatmap(lambda dtype: arrays.arrays(
    dtype, arrays.array_shapes(min_dims=1, max_dims=4, max_side=6),
    elements={"allow_nan": False} if dtype.startswith("float") else None,
))
NAMES = st.text(st.characters(codec="utf-8"), max_size=20)


@pytest.fixture(scope="module", autouse=True)
def denormals():
    """Training flushes them; a test before may have trained in this very process."""
    torch.set_flush_denormal(False)


def write(path: Path, values: np.ndarray, chunk: int, shard: int | None, labels: list[str]) -> str:
    group = zarr_io.create(path, "anything", {"note": "x"}, {"source": "s" * 64}, ("label",))
    dims = tuple(f"axis_{i}" for i in range(values.ndim))
    array = zarr_io.add_array(
        group, "values", values.shape, values.dtype, dims, rows_per_chunk=chunk, rows_per_shard=shard,
    )
    zarr_io.write_rows(array, 0, values)
    zarr_io.add_coordinate(group, "label", np.array(labels, dtype=object), ("label",))
    return zarr_io.finish(path)


@settings(quick, max_examples=12)
@given(VALUES, st.integers(1, 8), st.none() | st.integers(1, 8), st.lists(NAMES, min_size=1, max_size=4), st.data())
def test_a_store_gives_back_what_was_put_in(values, chunk, shard, labels, data):
    rows = data.draw(st.lists(st.integers(0, len(values) - 1), max_size=6))
    with tempfile.TemporaryDirectory() as folder:
        path, again = Path(folder) / "a.zarr", Path(folder) / "b.zarr"
        identity = write(path, values, chunk, shard, labels)
        store = zarr_io.open_store(path, "anything")
        assert np.array_equal(zarr_io.read_rows(store, "values"), values)
        assert np.array_equal(zarr_io.read_rows(store, "values", np.array(rows, int)), values[rows])
        assert zarr_io.read_rows(store, "label").tolist() == labels
        assert identity == store.attrs["identity"] == write(again, values, chunk, shard, labels)


@quick
@given(VALUES, st.integers(1, 4), st.none() | st.integers(1, 4), st.data())
def test_damage_anywhere_is_noticed_or_harmless(values, chunk, shard, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zarr"
        write(path, values, chunk, shard, ["a"])
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        file = data.draw(st.sampled_from(files))
        content = file.read_bytes()
        start = data.draw(st.integers(0, len(content) - 1))
        junk = data.draw(st.binary(max_size=8))
        file.write_bytes(content[:start] + junk + content[start + data.draw(st.integers(0, 8)):])
        try:
            store = zarr_io.open_store(path, "anything")
            found = [zarr_io.read_rows(store, name) for name in ("values", "label")]
        except UserError:
            return
        assert np.array_equal(found[0], values) and found[1].tolist() == ["a"]


TENSORS = st.dictionaries(
    st.from_regex("[a-z]{1,8}", fullmatch=True), VALUES.map(torch.from_numpy), min_size=1, max_size=3,
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2**53, 2**53) | NAMES, lambda inner: st.dictionaries(NAMES, inner),
)


@quick
@given(TENSORS, st.dictionaries(NAMES, PLAIN, max_size=3), st.integers(0, 10**9), st.integers(1, 255))
def test_weights_and_states_come_back_or_are_refused(tensors, config, place, flip):
    with tempfile.TemporaryDirectory() as folder:
        weights, state = Path(folder) / "a.safetensors", Path(folder) / "a.pt"
        checkpoint.save(weights, "kind", tensors, config, {})
        loaded = checkpoint.load(weights, "kind")
        assert loaded.config == config and loaded.tensors.keys() == tensors.keys()
        assert all(torch.equal(loaded.tensors[name], tensors[name]) for name in tensors)
        save_state(state, {"tensors": tensors})
        content = bytearray(state.read_bytes())
        content[place % len(content)] ^= flip
        state.write_bytes(content)
        assert load_state(state) is None
        os.truncate(weights, place % weights.stat().st_size)
        try:
            checkpoint.load(weights, "kind")
        except UserError:
            return
        raise AssertionError("a shortened weights file was read")


class Settings(Params):
    depth: int


@quick
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_params_file_gives_more_than_one_line(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "params.yaml"
        path.write_bytes(b"stage: " + content)
        try:
            read_section(path, "stage", Settings)
        except UserError as error:
            assert str(path) in str(error)
