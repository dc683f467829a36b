"""Moving digits made of idx files."""

import gzip
import struct

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.digit_source import frames, is_one
from pipeline.frames.preprocess_params import DigitParams
from pipeline.frames.source import open_source


def params(**changes) -> DigitParams:
    return DigitParams(**{"num_videos": 3, "num_frames": 40, "num_digits": 2, "frame_px": 64, "seed": 0, **changes})


def write_idx(path, pictures: np.ndarray) -> None:
    content = bytes([0, 0, 8, pictures.ndim]) + struct.pack(f">{pictures.ndim}I", *pictures.shape) + pictures.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def read(path, **changes) -> dict[str, np.ndarray]:
    with open_source(path, None, params(**changes)) as source:
        return {video.video_id: np.stack(list(frames(video))) for video in source.videos}


def squares(count: int = 10) -> np.ndarray:
    """Digits of 28x28 px that are one bright square each, number n with brightness 100 + n."""
    pictures = np.zeros((count, 28, 28), np.uint8)
    pictures[:, 10:18, 10:18] = 100 + np.arange(count)[:, None, None]
    return pictures


@pytest.fixture
def folder(tmp_path):
    write_idx(tmp_path / "train-images-idx3-ubyte.gz", squares())
    write_idx(tmp_path / "t10k-images-idx3-ubyte", squares())
    (tmp_path / "train-labels-idx1-ubyte.gz").write_bytes(b"labels are not looked at")
    return tmp_path


def corners(video: np.ndarray) -> np.ndarray:
    """Upper left corner [T, 2] (y, x) of the one square in each frame, as a digit's corner."""
    return np.array([np.argwhere(frame).min(0) for frame in video]) - 10


def test_each_file_gives_videos_of_its_own(folder):
    found = read(folder)
    assert set(found) == {f"{name}/{number}" for name in ("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte")
                          for number in range(3)}
    assert all(video.shape == (40, 64, 64) and video.dtype == np.uint8 for video in found.values())
    assert len({video.tobytes() for video in found.values()}) == 6


def test_videos_depend_on_name_and_seed_alone(folder):
    found, again, more, other = read(folder), read(folder), read(folder, num_videos=5), read(folder, seed=1)
    for name, video in found.items():
        assert np.array_equal(video, again[name]) and np.array_equal(video, more[name])
        assert not np.array_equal(video, other[name])


def test_a_digit_flies_straight_and_comes_back_from_the_walls(folder):
    """Digits of 28 px have 36 px to go and do a tenth of that per frame, in any direction."""
    for video in read(folder, num_digits=1).values():
        places = corners(video)
        assert places.min() >= 0 and places.max() <= 36
        steps = np.diff(places, axis=0)
        free = np.all((places[:-1] > 4) & (places[:-1] < 32) & (places[1:] > 4) & (places[1:] < 32), 1)
        speed = np.linalg.norm(steps[free], axis=1)
        assert free.sum() > 5 and np.all(np.abs(speed - 3.6) < 1.5)
        assert np.all(np.abs(np.abs(steps[free]) - np.abs(steps[free]).mean(0)) <= 1)
        assert (steps[:, 0].min() < 0 < steps[:, 0].max()) or (steps[:, 1].min() < 0 < steps[:, 1].max())
        assert {0, 36} & set(places.ravel().tolist())


def test_where_digits_meet_the_brighter_pixel_wins(folder):
    write_idx(folder / "train-images-idx3-ubyte.gz", np.array([np.full((28, 28), 9), np.full((28, 28), 200)], np.uint8))
    seen = [video for name, video in read(folder, num_videos=9, num_digits=12).items() if name.startswith("train")]
    for video in seen:
        assert set(np.unique(video)) == {0, 9, 200}
        assert all((frame == 200).sum() >= 28 * 28 for frame in video)


@pytest.mark.parametrize(("content", "complaint"), [
    (b"no gzip", "cannot be read"),
    (gzip.compress(b"no idx file at all"), "its head is another one"),
    (
        gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", 9, 28, 28)),
        r"0 bytes for pictures of shape \[9, 28, 28\]",
    ),
    (gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**31] * 3)), "0 bytes for pictures"),
    (gzip.compress(bytes(2000))[:-9], "cannot be read"),
], ids=["text", "other file", "too short", "huge", "cut"])
def test_a_bad_file_is_named(tmp_path, content, complaint):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=complaint) as caught, open_source(path, None, params()):
        pass
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_digits_that_do_not_fit_are_refused(folder):
    with pytest.raises(UserError, match="28x28 px do not fit .* raise preprocess.digits.frame_px"), \
            open_source(folder, None, params(frame_px=24)):
        pass


def test_names_of_files_of_digits(tmp_path):
    for name in ("train-images-idx3-ubyte.gz", "train-images.idx3-ubyte", "mnist.idx.gz"):
        assert is_one(tmp_path / name), name
    for name in ("train-labels-idx1-ubyte.gz", "a.gz"):
        assert not is_one(tmp_path / name), name
