"""HDF5 files of plain arrays."""

import h5py
import numpy as np
import pytest

from pipeline.errors import UserError
from tests.frames.reading import videos_in


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def write(path, arrays: dict[str, np.ndarray], **options) -> None:
    with h5py.File(path, "w") as file:
        for name, array in arrays.items():
            file.create_dataset(name, data=array, **(options if array.ndim > 3 else {}))


def read(path, layout=None, name=None) -> dict[str, np.ndarray]:
    return videos_in(path, layout, array_name=name)


VIDEOS = noise(3, 7, 8, 9, 3)


@pytest.mark.parametrize("options", [{}, {"chunks": True, "compression": "gzip"}, {"chunks": (1, 2, 8, 9, 3)}], ids=str)
def test_an_array_of_videos(tmp_path, capsys, options):
    write(tmp_path / "a.h5", {"images": VIDEOS, "actions": np.zeros((3, 7, 4)), "names": np.zeros(3)}, **options)
    found = read(tmp_path / "a.h5")
    assert list(found) == ["a.h5/0", "a.h5/1", "a.h5/2"] and np.array_equal(np.stack(list(found.values())), VIDEOS)
    said = "a.h5/images: taken for 3 videos of 7 frames, [3, 7, 8, 9, 3] as [video, time, height, width, channel]"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("axes", "layout"), [
    ((0, 1, 4, 2, 3), None), ((0, 4, 1, 2, 3), "NCTHW"), ((1, 0, 2, 3, 4), "time_video"), ((1, 0, 4, 2, 3), "TNCHW"),
])
def test_other_orders_of_axes(tmp_path, axes, layout):
    write(tmp_path / "a.h5", {"images": VIDEOS.transpose(axes)})
    assert np.array_equal(np.stack(list(read(tmp_path / "a.h5", layout).values())), VIDEOS)


@pytest.mark.parametrize("video", [VIDEOS[0], VIDEOS[0].transpose(0, 3, 1, 2), VIDEOS[0, ..., :1]], ids=len)
def test_one_video(tmp_path, video):
    write(tmp_path / "a.hdf5", {"deep/in/it": video})
    (found,) = read(tmp_path / "a.hdf5").values()
    assert np.array_equal(found, VIDEOS[0][..., : found.shape[-1]])


def demonstrations() -> dict[str, np.ndarray]:
    """As robomimic writes them: an array for every camera of every demonstration."""
    return {
        f"data/demo_{n}/obs/{camera}": noise(4 + n, 8, 8, 3, seed=10 * n + number)
        for n in range(3) for number, camera in enumerate(("agentview_image", "robot0_eye_in_hand_image"))
    } | {f"data/demo_{n}/actions": np.zeros((4 + n, 7)) for n in range(3)}


def test_paths_inside_are_chosen(tmp_path):
    arrays = demonstrations()
    write(tmp_path / "a.h5", arrays)
    found = read(tmp_path / "a.h5", name="data/*/obs/agentview_image")
    assert list(found) == [f"a.h5/data/demo_{n}/obs/agentview_image/0" for n in range(3)]
    assert np.array_equal(found["a.h5/data/demo_2/obs/agentview_image/0"], arrays["data/demo_2/obs/agentview_image"])
    with pytest.raises(UserError, match=r"demo_0/obs/agentview_image \(uint8 \[4, 8, 8, 3\]\) and 2 like it.*"
                                        "eye_in_hand_image.*set preprocess.array_name"):
        read(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["{}/images", "{}_data", "x_{}"])
def test_splits_inside(tmp_path, name):
    train, test = name.format("train"), name.format("test")
    write(tmp_path / "a.h5", {train: VIDEOS, test: VIDEOS[:2]})
    assert list(read(tmp_path / "a.h5")) == [*(f"a.h5/{test}/{n}" for n in range(2)),
                                             *(f"a.h5/{train}/{n}" for n in range(3))]


@pytest.mark.parametrize(("arrays", "name", "complaint"), [
    ({"x": np.zeros((3, 7, 8, 9), np.float32)}, None, r"got float32 \[3, 7, 8, 9\]"),
    ({"x": np.zeros(3), "y": np.zeros((2, 3))}, None, r"found x \(float64 \[3\]\), y \(float64 \[2, 3\]\)"),
    ({"images": VIDEOS}, "depth", r"called depth .*found images \(uint8 \[3, 7, 8, 9, 3\]\)"),
    ({}, None, "found none"),
    ({"images": VIDEOS[..., 0]}, "images", r"\[3, 7, 8, 9\] may be .*\(NTHW\) or .*\(CTHW\); set preprocess.array_l"),
], ids=["floats", "no pictures", "other name", "empty", "grey or colour"])
def test_what_the_file_holds_is_said(tmp_path, arrays, name, complaint):
    write(tmp_path / "a.h5", arrays)
    with pytest.raises(UserError, match=complaint) as caught:
        read(tmp_path / "a.h5", name=name)
    assert "a.h5" in str(caught.value) and "\n" not in str(caught.value)


def test_time_first_is_not_taken_for_videos_first(tmp_path):
    """Four squares that move slowly over their own grounds."""
    videos = np.repeat(noise(4, 1, 16, 16), 12, axis=1)
    for t in range(12):
        videos[:, t, 4:8, t : t + 4] = 255
    write(tmp_path / "right.h5", {"images": videos})
    assert len(read(tmp_path / "right.h5")) == 4
    write(tmp_path / "wrong.h5", {"images": videos.swapaxes(0, 1)})
    with pytest.raises(UserError, match=r"wrong.h5/images: \[12, 4, 16, 16\] .*looks like TNHW"):
        read(tmp_path / "wrong.h5")
    assert len(read(tmp_path / "wrong.h5", "TNHW")) == 4 and len(read(tmp_path / "wrong.h5", "video_time")) == 12
