"""Videos in .npy and .npz files."""

import tracemalloc

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.array_source import find_arrays, frames
from pipeline.frames.source import open_source
from tests.frames.reading import videos_in


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def read(path, layout=None, name=None) -> dict[str, np.ndarray]:
    return videos_in(path, layout, array_name=name)


VIDEOS = noise(2, 6, 8, 9, 3)
STORED = {
    "one": ((1, 2, 3, 4), None, 1), "one, channels first": ((1, 4, 2, 3), None, 1),
    "one, Matlab's": ((2, 3, 4, 1), None, 1), "one, PyTorch's": ((4, 1, 2, 3), "CTHW", 1),
    "many": ((0, 1, 2, 3, 4), "video_time", 2), "many, channels first": ((0, 1, 4, 2, 3), "video_time", 2),
    "many, PyTorch's": ((0, 4, 1, 2, 3), "video_time", 2), "time first": ((1, 0, 4, 2, 3), "time_video", 2),
}


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.save, np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", STORED)
def test_frames_come_out_whatever_the_order_of_axes(tmp_path, kind, save, order):
    axes, layout, count = STORED[kind]
    array = VIDEOS.transpose(axes) if count == 2 else VIDEOS[0].transpose([axis - 1 for axis in axes])
    path = tmp_path / ("a.npy" if save is np.save else "a.npz")
    save(path, np.asarray(array, order=order))
    assert np.array_equal(np.stack(list(read(path, layout).values())), VIDEOS[:count])


def test_several_arrays_in_a_file_are_named_and_one_may_be_chosen(tmp_path):
    np.savez(tmp_path / "a.npz", train=VIDEOS, test=VIDEOS[:1], labels=np.arange(2))
    found = read(tmp_path / "a.npz", "video_time")
    assert list(found) == ["a.npz/train/0", "a.npz/train/1", "a.npz/test/0"]
    assert np.array_equal(found["a.npz/train/1"], VIDEOS[1])
    assert list(read(tmp_path / "a.npz", "video_time", "train")) == ["a.npz/0", "a.npz/1"]


def test_every_array_of_a_file_may_be_a_video(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", *(noise(4 + n, 8, 8, 3, seed=n) for n in range(3)))
    found = read(tmp_path / "a.npz")
    assert {name: len(video) for name, video in found.items()} == {
        "a.npz/arr_0/0": 4, "a.npz/arr_1/0": 5, "a.npz/arr_2/0": 6}


def test_an_array_of_the_wrong_kind_beside_the_right_one_is_not_taken(tmp_path):
    np.savez(tmp_path / "a.npz", arr_0=VIDEOS, arr_1=VIDEOS[..., 0])  # frames, masks
    with pytest.raises(UserError, match="a.npz/arr_0 .*a.npz/arr_1 .*preprocess.array_name"), \
            open_source(tmp_path / "a.npz", "video_time"):
        pass


def test_a_packed_video_is_neither_unpacked_nor_held_in_memory(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", np.zeros((400, 128, 128, 3), np.uint8))
    (scratch := tmp_path / "scratch").mkdir()
    (found,) = find_arrays(tmp_path / "a.npz", "a.npz", None, None, None, scratch)
    assert not list(scratch.iterdir())
    tracemalloc.start()
    assert sum(1 for _ in frames(found.videos[0])) == 400
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 << 20  # of 19 MiB


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("offset", [-1, 300, -300])
def test_a_damaged_packed_video_says_so(tmp_path, compressed, offset):
    (np.savez_compressed if compressed else np.savez)(tmp_path / "a.npz", VIDEOS[0])
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[offset:] = data[offset:][:-40] if offset < -40 or offset > 0 else b""
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises((UserError, ValueError)):
        read(tmp_path / "a.npz")


def test_a_flipped_byte_in_a_packed_video_says_so(tmp_path):
    np.savez(tmp_path / "a.npz", VIDEOS[0])
    data = bytearray((tmp_path / "a.npz").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(ValueError, match="CRC"):
        read(tmp_path / "a.npz")
