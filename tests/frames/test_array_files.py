"""Folders of arrays."""

import h5py
import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.read_video import UnreadableVideo, probe
from pipeline.frames.source import open_source
from tests.frames.test_read_video import wanted
from tests.frames.test_source import identity, names


def noise(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    """Three videos and what belongs to them: actions, a text."""
    root = tmp_path / "source"
    for number, name in enumerate(("train/10.npy", "train/9.npz", "test/0.npy")):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (np.save if name.endswith("npy") else np.savez)(root / name, noise(6 + number, 16, 16, 3))
    np.save(root / "actions.npy", np.zeros((6, 4), np.float32))
    (root / "notes.txt").write_text("no video")
    return root


def test_every_array_is_a_video(folder, capsys):
    assert names(folder) == ["test/0.npy/0", "train/9.npz/0", "train/10.npy/0"]
    said = capsys.readouterr().err
    assert "0.npy: taken for one video of 8 frames, [8, 16, 16, 3] as [time, height, width, channel], and 2" in said
    assert "left out: " in said and "actions.npy: wanted uint8" in said and "got float32 [6, 4]" in said
    assert "1 file .txt" in said


def test_only_arrays_that_are_read_count_for_the_hash(folder):
    before = identity(folder)
    np.save(folder / "actions.npy", np.ones((6, 4), np.float32))
    assert identity(folder) == before
    np.save(folder / "test" / "0.npy", noise(8, 16, 16, 3, seed=1))
    assert identity(folder) != before


def test_a_folder_without_videos_says_what_its_arrays_are(tmp_path):
    for name in "abc":
        np.save(tmp_path / f"{name}.npy", np.zeros((6, 16, 16, 3), np.float32))
    with pytest.raises(UserError, match=r"3 files of arrays that are no videos, .*a.npy: .*got float32 \[6, 16"), \
            open_source(tmp_path, None):
        pass


def test_arrays_beside_videos_are_read_only_when_they_are_named(folder, capsys):
    (folder / "film.mp4").write_bytes(b"film")
    assert names(folder) == ["film.mp4"]
    assert "left out: 4 files of arrays beside videos, such as 'actions.npy'" in capsys.readouterr().err
    with open_source(folder, None, array_name="1*") as source:
        assert [video.video_id for video in source.videos] == ["film.mp4", "train/10.npy/0"]


def test_masks_among_pictures_are_not_taken_for_videos(folder):
    np.save(folder / "train" / "10_masks.npy", noise(7, 16, 16))
    with pytest.raises(UserError, match=r"0.npy \[8, 16, 16, 3\], and some with one channel, such as .*10_masks.npy "
                                        r"\[7, 16, 16\]; set preprocess.array_name"):
        names(folder)
    with open_source(folder, None, array_name="*[0-9].np?") as source:
        assert [video.video_id for video in source.videos] == ["test/0.npy/0", "train/10.npy/0"]


def test_a_damaged_array_is_a_video_that_cannot_be_read(folder):
    for name in ("train/10.npy", "train/9.npz"):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])
    with open_source(folder, None) as source:
        whole, *damaged = source.videos
        assert probe(whole, wanted()).num_frames == 8 and len(source.files) == 3
        for video in damaged:
            with pytest.raises(UnreadableVideo, match=f"'{video.video_id}' cannot be decoded .*cannot be read"):
                probe(video, wanted())


def test_truth_of_an_array_with_one_video_has_no_axis_of_videos(folder):
    for name in ("train/10", "train/9", "test/0"):
        np.savez(folder / f"{name}.truth.npz", segmentation=np.zeros((9, 16, 16), np.uint8))
    with open_source(folder, None) as source:
        assert [video.truth.name for video in source.videos] == ["0.truth.npz", "9.truth.npz", "10.truth.npz"]
        assert len(source.files) == 6


def test_plain_hdf5_in_a_folder(tmp_path, capsys):
    for name in ("train", "test"):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["images"] = noise(2, 6, 16, 16, 3)
    with h5py.File(tmp_path / "labels.h5", "w") as file:
        file["labels"] = np.zeros(4)
    assert names(tmp_path) == ["test.h5/0", "test.h5/1", "train.h5/0", "train.h5/1"]
    assert "labels.h5/labels: wanted uint8" in capsys.readouterr().err
