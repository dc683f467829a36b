"""What stores say of their sources is enough to find a frame, and a place in it, there again."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.about_source import about_source
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.frame_store import SOURCE_GROUPS
from pipeline.frames.read_video import VideoInfo, probe, read_frames
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.source_view import SourceView, source_views
from pipeline.frames.write_video import write_video


def form(fps: float | None, crop: str = "center") -> FrameFormat:
    return FrameFormat(height=16, width=24, crop=crop, color="rgb", fps=fps, fps_if_unknown=10)


def video(
    folder, name: str, *, height: int = 16, width: int = 24, fps: float = 10, num_frames: int = 20,
) -> SourceVideo:
    write_video(folder / name, np.zeros((num_frames, height, width, 3), np.uint8), fps, lossless=True)
    return SourceVideo(name, "file", folder / name)


def view(about: dict, wanted: FrameFormat, fps: float, name: str) -> SourceView:
    return source_views("store", {**about, "height": wanted.height, "width": wanted.width, "fps": fps})(name)


@pytest.mark.parametrize(("source_fps", "fps"), [
    (10, None), (30, 10), (25, 10), (30000 / 1001, 11), (10, 25), (30, 30000 / 1001), (30000 / 1001, None),
])
def test_frames_are_those_that_were_read(tmp_path, source_fps, fps):
    one, wanted = video(tmp_path, "a.mkv", fps=source_fps, num_frames=60), form(fps)
    info = probe(one, wanted)
    indices = [index for index, _ in read_frames(one, wanted, info)]
    found = view(about_source([one], [info], wanted), wanted, info.fps, "a.mkv")
    assert found.frames(np.arange(len(indices))).tolist() == indices
    np.testing.assert_allclose(found.times(np.arange(3)), np.arange(3) / info.fps)


def test_rates_are_known_to_all_digits(tmp_path):
    """Or an hour later frames would be others."""
    one, wanted = video(tmp_path, "a.mkv", fps=30000 / 1001), form(10)
    about = about_source([one], [probe(one, wanted)], wanted)
    assert SOURCE_GROUPS in about
    ratio = probe(one, wanted).source_fps / 10
    found = view(about, wanted, 10, "a.mkv").frames(np.array([36_000, 360_000]))
    assert found.tolist() == [int((i + 0.01) * ratio) for i in (36_000, 360_000)]


def test_videos_that_differ_are_told_apart(tmp_path):
    videos = [video(tmp_path, "a.mkv"), video(tmp_path, "b.mkv", height=32, width=96, fps=20), video(tmp_path, "c.mkv")]
    wanted = form(5)
    infos = [probe(one, wanted) for one in videos]
    assert SOURCE_GROUPS not in about_source([videos[0], videos[2]], [infos[0], infos[2]], wanted)
    about = about_source(videos, infos, wanted)
    views = {name: view(about, wanted, 5, name) for name in ("a.mkv", "b.mkv", "c.mkv")}
    assert views["a.mkv"] == views["c.mkv"] and views["b.mkv"].frames(np.array([3])) == 12
    # scaled to 16 x 48, of which 12 px are cut off at each side
    np.testing.assert_allclose(views["b.mkv"].places(np.array([[0, 0], [24, 16]])), [[24, 0], [72, 32]])
    np.testing.assert_allclose(views["a.mkv"].places(np.array([3.5, 2])), [3.5, 2])
    squeezed = view(about_source(videos, infos, form(5, "none")), form(5, "none"), 5, "b.mkv")
    np.testing.assert_allclose(squeezed.places(np.array([24, 16])), [96, 32])
    with pytest.raises(UserError, match="store: does not say how its frames lie in the source"):
        view(about, wanted, 5, "d.mkv")
    del about[SOURCE_GROUPS]  # of an earlier version: a range
    with pytest.raises(UserError, match="does not say"):
        view(about, wanted, 5, "a.mkv")


def test_what_was_taken_as_it_is_beside_what_was_resampled(tmp_path):
    """Rates that are nearly alike, as new videos may have them."""
    one, wanted = video(tmp_path, "a.mkv", fps=9.9), form(10)
    about = about_source([one], [probe(one, form(None))], wanted)
    assert "is frame i of its source" in about["source_frames"]
    found = view(about, wanted, 10, "a.mkv")
    assert found.frames(np.array([5000])) == 5000 and np.allclose(found.times(np.array([99])), 10)


def test_time_goes_on_after_a_gap():
    """40 frames of 4 s, then a pause of 60 s to the next."""
    found = SourceView(16, 24, 10, 10, form(10), gaps=((40, 60.0),))
    np.testing.assert_allclose(found.times(np.array([39, 40, 41])), [3.9, 63.9, 64.0])


def test_a_gap_is_told(tmp_path):
    one, wanted = video(tmp_path, "a.mkv"), form(10)
    info = VideoInfo(num_frames=20, source_fps=10, fps=10, leaps=((7, 60.0), (12, -3.0)))
    assert view(about_source([one], [info], wanted), wanted, 10, "a.mkv").gaps == ((7, 60.0),)
