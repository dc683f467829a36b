"""HDF5 files in the layouts of VideoGPT and MCVD."""

import h5py
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.hdf5_source import frames
from pipeline.frames.source import open_source
from tests.frames.reading import videos_in


def noise(seed: int, count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def read(path) -> dict[str, np.ndarray]:
    return videos_in(path)


def write_videogpt(path, **splits: list[np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        for split, videos in splits.items():
            file[f"{split}_data"] = np.concatenate(videos)
            file[f"{split}_idx"] = np.cumsum([0, *map(len, videos)])[:-1]


def write_mcvd(path, videos: list[np.ndarray]) -> None:
    with h5py.File(path, "w") as file:
        file.create_group("len")
        file.create_group("videos")
        for number, video in enumerate(videos):
            file["len"].create_dataset(str(number), data=len(video))
            file.create_group(str(number))
            for i, frame in enumerate(video):
                file[str(number)].create_dataset(str(i), data=frame, dtype="uint8", compression="lzf")


def test_videogpt(tmp_path):
    train, test = [noise(seed, 4 + seed, 8, 9, 3) for seed in range(3)], [noise(9, 5, 8, 9, 3)]
    write_videogpt(tmp_path / "bair.hdf5", train=train, test=test)
    found = read(tmp_path)
    assert list(found) == [*(f"bair.hdf5/train/{number}" for number in range(3)), "bair.hdf5/test/0"]
    assert all(np.array_equal(*pair) for pair in zip(found.values(), train + test, strict=True))


@pytest.mark.parametrize("shape", [(8, 9, 3), (8, 9)], ids=["rgb", "gray"])
def test_mcvd(tmp_path, shape):
    videos = [noise(seed, 2 + seed, *shape) for seed in range(12)]
    (tmp_path / "test").mkdir()
    write_mcvd(tmp_path / "test" / "shard_0001.hdf5", videos)
    found = read(tmp_path)
    assert list(found) == [f"test/shard_0001.hdf5/{number:02d}" for number in range(12)]
    assert all(np.array_equal(*pair) for pair in zip(found.values(), videos, strict=True))


def write_other(file: h5py.File, **arrays: np.ndarray) -> None:
    for name, array in arrays.items():
        file[name] = array


@pytest.mark.parametrize(("arrays", "complaint"), [
    ({"train_data": noise(0, 4, 8, 8, 3)}, "train_idx"),
    ({"train_data": noise(0, 4, 8, 8, 3), "train_idx": np.array([0, 9])}, "train_idx does not rise"),
    ({"train_data": noise(0, 4, 8, 8, 3), "train_idx": np.array([-1, 2])}, "train_idx does not rise"),
    ({"len/first": np.array(3)}, "invalid literal"),
], ids=["no starts", "start past the end", "negative start", "names"])
def test_other_files_are_refused_by_name(tmp_path, arrays, complaint):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_other(file, **arrays)
    with pytest.raises(UserError, match=complaint) as caught, open_source(tmp_path / "a.h5", None):
        pass
    assert "a.h5: " in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"no HDF5", None], ids=["empty", "text", "cut"])
def test_a_file_that_is_no_hdf5_is_named(tmp_path, content):
    path = tmp_path / "a.hdf5"
    if content is None:
        write_videogpt(path, train=[noise(0, 40, 8, 8, 3)])
        content = path.read_bytes()[:-500]
    path.write_bytes(content)
    complaint = "a.hdf5: wanted videos in HDF5, cannot be read"
    with pytest.raises(UserError, match=complaint) as caught, open_source(path, None):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("arrays", "complaint"), [
    ({"len/0": np.array(3), "0/0": noise(0, 8, 8), "0/1": noise(0, 8, 8)}, "frame 2 of '0' is not there"),
    ({"len/0": np.array(1)}, "frame 0 of '0' is not there"),
    ({"len/0": np.array(1), "0/0": np.zeros((8, 8), np.float32)}, "float32"),
    ({"train_data": noise(0, 4, 8, 8, 4), "train_idx": np.array([0])}, r"uint8 \[8, 8, 4\]"),
], ids=["frame missing", "video missing", "floats", "four channels"])
def test_frames_that_are_none_say_why(tmp_path, arrays, complaint):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        write_other(file, **arrays)
    with open_source(tmp_path / "a.h5", None) as source, pytest.raises(ValueError, match=complaint):
        list(frames(source.videos[0]))
