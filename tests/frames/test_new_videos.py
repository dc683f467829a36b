from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import CannotWrite, UserError
from pipeline.frames.frame_format import FrameFormat, Preparation
from pipeline.frames.new_videos import bring, bring_all, each_of, folder_names, open_videos
from pipeline.frames.preprocess_params import DigitParams, PreprocessParams
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.write_video import write_video

READING = PreprocessParams(
    source="nowhere", array_layout=None, tfrecord_feature="{}", height=8, width=8, crop="none", color="rgb", fps=None,
    digits=DigitParams(num_videos=1, num_frames=2, num_digits=1, frame_px=64, seed=0), fps_if_unknown=10,
    sequence_length=6, sequence_stride=None, split="random", val_fraction=0.2, test_fraction=0.2, seed=0,
    on_damage="stop",
)


def wanted(fps: float | None = 10, crop: str = "center", channels: int = 3) -> FrameFormat:
    return Preparation(crop=crop, fps=fps).form(16, 16, channels)


@pytest.fixture
def make(tmp_path):
    def make(name: str = "a.mkv", fps: float = 10, height: int = 16, width: int = 16, num_frames: int = 12):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, np.zeros((num_frames, height, width, 3), np.uint8), fps, lossless=True)
        return SourceVideo(path.name, "file", path)
    return make


@pytest.mark.parametrize("fps, form_fps, num_frames, said", [
    (10, None, 12, "10 frames/s as they are"), (10.1, None, 12, "10.1 frames/s as they are"),
    (30, 10, 4, "30 -> 10 frames/s"), (5, 10, 24, "5 -> 10 frames/s, frames repeated"),
])
def test_a_video_is_resampled_unless_its_rate_is_alike(make, fps, form_fps, num_frames, said):
    new = bring(make(fps=fps), wanted())
    assert (new.form.fps, new.info.num_frames) == (form_fps, num_frames) and new.done.endswith(said)


def test_where_the_weights_know_no_rate_all_frames_are_taken(make):
    new = bring(make(fps=30), wanted(fps=None))
    assert new.form.fps is None and new.info.fps == 30 and "nothing says at what rate the model learned" in new.done


def test_pictures_have_the_rate_of_the_weights(tmp_path):
    for number in range(3):
        Image.new("RGB", (16, 16)).save(tmp_path / f"{number}.png")
    new = bring(SourceVideo("a", "pictures", tmp_path), wanted(fps=24))
    assert new.info.fps == 24 and new.info.num_frames == 3 and "no rate of its own, taken as 24 frames/s" in new.done


@pytest.mark.parametrize("height, width, crop, channels, said", [
    (16, 16, "center", 3, "16 x 16 -> 16 x 16 px, 10"),
    (16, 32, "center", 3, "32 x 16 -> 16 x 16 px, sides cut off, 10"),
    (48, 32, "center", 3, "top and bottom cut off, 10"), (48, 32, "none", 3, "squeezed, 10"),
    (32, 32, "none", 1, "16 x 16 px, in grey, 10"),
])
def test_what_becomes_of_the_edges_and_colors_is_said(make, height, width, crop, channels, said):
    assert said in bring(make(height=height, width=width), wanted(crop=crop, channels=channels)).done


def test_damaged_videos_are_named_unless_none_is_left(make, tmp_path, capsys):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    bad = SourceVideo("bad.mp4", "file", tmp_path / "bad.mp4")
    assert [new.video.video_id for new in bring_all([bad, make()], wanted())] == ["a.mkv"]
    assert "skipped: video 'bad.mp4' cannot be decoded" in capsys.readouterr().err
    with pytest.raises(UserError, match="none of the 1 videos"):
        bring_all([bad], wanted())


def test_of_many_videos_those_that_fail_are_named_unless_all_do(make, capsys):
    good, bad, done = make(), replace(make(), video_id="bad.mkv"), []

    def work(video: SourceVideo, name: str) -> None:
        if video is bad:
            raise UserError("too short")
        done.append((video, name))

    assert each_of([bad, good], "watched", work) == 1
    assert done == [(good, "a")] and capsys.readouterr().err == "skipped: too short\n"
    with pytest.raises(UserError, match="none of the 1 videos could be watched"):
        each_of([bad], "watched", work)


def test_what_cannot_be_written_ends_the_work_on_many_videos(make):
    def work(video: SourceVideo, name: str) -> None:
        raise CannotWrite("the disk is full")

    with pytest.raises(CannotWrite):
        each_of([make(), make()], "watched", work)


def names(*paths) -> list[str]:
    with open_videos(list(paths), READING) as source:
        assert all(file.is_file() for file in source.files.values()) and len(source.files) >= len(source.videos)
        return [video.video_id for video in source.videos]


def test_several_paths_have_names_of_their_own(make, tmp_path, capsys):
    for name in ("one/a.mkv", "two/a.mkv", "two/deep/b.mkv"):
        make(name)
    one, two = tmp_path / "one", tmp_path / "two"
    assert names(two) == ["a.mkv", "deep/b.mkv"] and names(one / "a.mkv") == ["a.mkv"]
    assert names(one, two) == ["one/a.mkv", "two/a.mkv", "two/deep/b.mkv"]
    assert names(two / "a.mkv", two / "deep" / "b.mkv") == ["a.mkv", "deep/b.mkv"]
    assert "twice" not in capsys.readouterr().err
    assert names(two, two / "a.mkv") == ["two/a.mkv", "two/deep/b.mkv"]
    assert "left out: 'two/a.mkv' is given twice" in capsys.readouterr().err


def test_pictures_and_kinds_that_folders_are_not_searched_for(make, tmp_path):
    (tmp_path / "shots").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "shots" / "1.png")
    make("x.mkv").path.rename(tmp_path / "x.vob")
    assert names(tmp_path / "shots") == ["shots"]
    assert names(tmp_path / "shots", tmp_path / "x.vob") == ["shots", "x.vob"]


def test_what_is_not_there_is_refused(tmp_path):
    with pytest.raises(UserError, match="nowhere: does not exist; give a video"):
        names(tmp_path / "nowhere")
    with pytest.raises(UserError, match="does not exist, and patterns are not expanded, give the folder; give a video"):
        names(tmp_path / "*.mp4")
    with pytest.raises(UserError, match="found none; check the path"):
        names(tmp_path)


def test_folders_are_named_without_a_suffix_where_that_tells_them_apart():
    videos = [SourceVideo(name, "file", None) for name in ("a.mp4", "b.mp4", "b.mkv", "c/a.mp4")]
    assert folder_names(videos) == ["a", "b.mp4", "b.mkv", "c/a"]
