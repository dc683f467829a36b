import os
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
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("no video")
    (tmp_path / "bad.npz").write_bytes(b"no archive")
    (tmp_path / "bad.npy").write_bytes(b"no array")
    np.savez(tmp_path / "two.npz", a=np.zeros(3), b=np.zeros(3))
    for name, complaint in (
        ("texts", "found none"), ("texts/notes.txt", "found none"),
        ("nowhere", "does not exist; check preprocess.source"),
        ("*.mp4", "does not exist, and patterns are not expanded, give the folder; check preprocess.source"),
        ("bad.npz", "cannot be read"), ("bad.npy", "cannot be read"),
        ("two.npz", r"two.npz: wanted an array of videos .*found a \(float64 \[3\]\), b \(float64 \[3\]\)"),
    ):
        with pytest.raises(UserError, match=complaint), open_source(tmp_path / name, "video_time"):
            pass


@pytest.mark.parametrize("layout", ["video_time", "time_video"])
@pytest.mark.parametrize("channels", [1, 3])
def test_an_array_without_an_axis_of_videos_is_one_video(tmp_path, capsys, layout, channels):
    np.save(tmp_path / "a.npy", np.zeros((12, 8, 9, channels), np.uint8))
    assert names(tmp_path / "a.npy", layout) == ["a.npy/0"]
    assert f"taken for one video of 12 frames, [12, 8, 9, {channels}]" in capsys.readouterr().err


def pictures(folder, *files: str) -> None:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8)).save(folder / file)


KINDS = {
    "layers of Kubric": (
        [f"{kind}_{t:05d}.png" for kind in ("rgba", "segmentation", "normal") for t in range(3)], "rgba_*.png"),
    "cameras": ([f"cam{camera}_{t:03d}.png" for camera in range(2) for t in range(3)], "cam1_*.png"),
    "cameras last": ([f"{t:03d}_cam{camera}.png" for camera in range(2) for t in range(3)], "*_cam1.png"),
    "two formats": (["1.png", "2.png", "3.png", "1.jpg", "2.jpg", "3.jpg"], "*.png"),
    "names without numbers": (["a.png", "b.png", "c.png"], "?.png"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_several_kinds_are_refused_unless_one_is_chosen(tmp_path, kind, capsys):
    files, chosen = KINDS[kind]
    pictures(tmp_path / "v", *files)
    wanted = chosen.replace("?", "a")
    with pytest.raises(UserError, match="preprocess.pictures") as caught, open_source(tmp_path, None):
        pass
    assert f"'{wanted}'" in str(caught.value)
    with open_source(tmp_path, None, pictures=chosen) as source:
        assert [(video.video_id, len(video.pictures())) for video in source.videos] == [("v", 3)]
        assert len(source.files) == 3
    assert (f"left out: {len(files) - 3} pictures" in capsys.readouterr().err) == (len(files) > 3)


@pytest.mark.parametrize("files", [
    ["1.png", "02.PNG", "10.png"], ["frame2of9.jpg", "frame3of9.jpeg"], ["only.png"],
    ["1305031102.175304.png", "1305031102.211214.png", "1305031103.175304.png"],
    ["2024-01-05_12-30-01.png", "2024-01-05_12-30-02.png", "2024-01-05_12-31-01.png"],
    ["shot3_take2_001.png", "shot3_take2_002.png"], ["x1_y5.png", "x2_y7.png"],
])
def test_one_number_is_one_video(tmp_path, files):
    pictures(tmp_path / "v", *files)
    with open_source(tmp_path, None) as source:
        assert len(source.videos[0].pictures()) == len(files)


def test_pictures_beside_videos_are_refused_unless_one_is_chosen(tmp_path):
    for name in ("1.mp4", "2.mp4"):
        (tmp_path / name).write_bytes(b"video")
    pictures(tmp_path, "1.jpg", "2.jpg")
    with pytest.raises(UserError, match=r"found 2 videos and 2 pictures \('\*.jpg'\); set preprocess.pictures"), \
            open_source(tmp_path, None):
        pass
    with open_source(tmp_path, None, pictures="none") as source:
        assert [video.video_id for video in source.videos] == ["1.mp4", "2.mp4"]


def test_what_is_not_read_is_said(folder, capsys):
    for name in ("a.xyz", "b.XYZ", "deep/c", "lost.truth.npz"):
        (folder / name).write_bytes(b"")
    (folder / "nowhere.mp4").symlink_to("nothing")
    names(folder)
    said = capsys.readouterr().err
    assert "2 files .xyz" in said and "1 file .txt" in said and "1 file without a suffix" in said
    assert "1 file .truth.npz without a video" in said and "'nowhere.mp4' is a link that leads nowhere" in said


def test_links_to_folders_are_followed_and_each_real_folder_is_read_once(folder, tmp_path, capsys):
    plain = names(folder)
    pictures(tmp_path / "elsewhere", "in/1.png", "in/2.png")
    for link, target in (("a_link", tmp_path / "elsewhere"), ("again", tmp_path / "elsewhere"), ("round", folder),
                         ("0_same", folder / "deep"), ("above", tmp_path)):
        (folder / link).symlink_to(target)
    assert names(folder) == [*plain[:3], "a_link/in", *plain[3:]]
    said = capsys.readouterr().err
    assert all(f"link '{name}'" in said for name in ("again", "round", "0_same", "above"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read_is_named(folder):
    (folder / "deep").chmod(0)
    with pytest.raises(UserError, match="deep: cannot be read"), open_source(folder, None):
        pass


def test_files_of_desktops_and_network_drives_are_no_frames_and_change_no_hash(folder):
    before = names(folder), identity(folder)
    for name in ("pictures/x/._1.png", "pictures/x/.DS_Store", "pictures/x/Thumbs.db", "@eaDir/b2.mkv/T.jpg",
                 "__MACOSX/b2.mkv", "$RECYCLE.BIN/old.mp4", "pictures/@eaDir/x.png", ".AppleDouble/b2.mkv"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"rubbish")
    assert (names(folder), identity(folder)) == before


@pytest.mark.parametrize("name", [
    "10\u202f30\u202fPM.mkv", "a\u3000b.mkv", "a\u00a0b.mkv", "a\u200db.mkv", "a\u2003b.mkv",
])
def test_names_may_hold_any_space(tmp_path, name):
    (tmp_path / name).write_bytes(b"video")
    assert names(tmp_path) == [name]


def test_a_superscript_is_no_number(tmp_path):
    (tmp_path / "1\u00b22.mkv").write_bytes(b"video")
    assert names(tmp_path) == ["1\u00b22.mkv"]
