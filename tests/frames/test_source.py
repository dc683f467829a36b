import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames.source import open_source


def identity(path, layout=None) -> str:
    with open_source(path, layout) as source:
        return source.identity(lambda count: None)


def names(path, layout=None) -> list[str]:
    with open_source(path, layout) as source:
        return [video.video_id for video in source.videos]


@pytest.fixture
def folder(tmp_path):
    """Two video files, one nested, with a truth; two folders of pictures; things that are none of these."""
    root = tmp_path / "source"
    for name in ("b10.MP4", "b2.mkv", "deep/er/a.webm", "b2.truth.npz", "notes.txt", ".hidden/c.mp4"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    for name in ("pictures/x/1.png", "pictures/x/10.png", "pictures/x/2.png", "pictures/y/0.JPG"):
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(file)
    return root


def test_a_folder_holds_files_and_folders_of_pictures_in_natural_order(folder):
    with open_source(folder, None) as source:
        assert [video.video_id for video in source.videos] == [
            "b2.mkv", "b10.MP4", "deep/er/a.webm", "pictures/x", "pictures/y",
        ]
        assert [video.kind for video in source.videos] == ["file"] * 3 + ["pictures"] * 2
        assert [picture.name for picture in source.videos[3].pictures()] == ["1.png", "2.png", "10.png"]
        assert source.videos[0].truth.name == "b2.truth.npz" and source.videos[1].truth is None
        assert len(source.files) == 8


def test_a_single_file_and_a_single_folder_of_pictures(folder):
    assert names(folder / "b10.MP4") == ["b10.MP4"]
    assert names(folder / "pictures" / "x") == ["x"]


def test_identity_is_that_of_names_and_bytes_wherever_they_lie(folder, tmp_path):
    before = identity(folder)
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert identity(moved) == before
    (moved / "notes.txt").write_text("changed")
    assert identity(moved) == before
    (moved / "b2.truth.npz").write_bytes(b"changed")
    assert identity(moved) != before
    shutil.move(folder / "b10.MP4", folder / "b11.MP4")
    assert identity(folder) != before


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_an_array_is_one_video_per_entry_of_its_video_axis(tmp_path, suffix):
    frames = np.zeros((12, 5, 8, 9), np.uint8)
    path = tmp_path / f"digits{suffix}"
    (np.save if suffix == ".npy" else np.savez_compressed)(path, frames)
    assert names(path, "video_time") == [f"digits{suffix}/{number:02d}" for number in range(12)]
    assert names(path, "time_video") == [f"digits{suffix}/{number}" for number in range(5)]


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 5, 8), np.uint8), np.zeros((4, 5, 8, 9), np.float32), np.zeros((4, 5, 8, 9, 2), np.uint8)],
    ids=["too few axes", "not uint8", "two channels"],
)
def test_other_arrays_are_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=r"wanted uint8 \[time, video, height, width\]"), \
            open_source(tmp_path / "a.npy", "time_video"):
        pass


def test_an_array_must_say_its_layout(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros((4, 5, 8, 9), np.uint8))
    with pytest.raises(UserError, match="preprocess.array_layout"), open_source(tmp_path / "a.npy", None):
        pass


def test_sources_without_videos_are_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no video")
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    for name, complaint in (
        ("", "found none"), ("notes.txt", "found none"), ("nowhere", "does not exist"),
        ("bad.npz", "cannot be read"), ("bad.npy", "cannot be read"), ("two.npz", "found a, b"),
    ):
        with pytest.raises(UserError, match=complaint), open_source(tmp_path / name, "video_time"):
            pass
