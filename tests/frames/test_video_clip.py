from pathlib import Path

import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames.frame_format import Preparation
from pipeline.frames.new_videos import NewVideo, bring
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.video_clip import Start, parse_start, read_clip
from tests.frames.test_video_file import write


@pytest.mark.parametrize("text, frame", [("120", 120), ("0", 0), ("4.5s", 54), ("4s", 48), (".5s", 6), ("0.51s", 7)])
def test_a_start_is_a_frame_or_seconds(text, frame):
    assert parse_start(text).frame_at(12) == frame


@pytest.mark.parametrize("text", ["", "s", "-3", "4.5", "4,5s", "1e3", "1:30", "nans", "9" * 12])
def test_anything_else_is_refused(text):
    with pytest.raises(UserError, match="wanted a frame, such as 120, or seconds, such as 4.5s"):
        parse_start(text)


@pytest.fixture
def gapped(tmp_path: Path) -> NewVideo:
    """30 frames/s, brought to 10: 20 frames, an hour without any, 10 more."""
    times = [*(round(1000 * number / 30) for number in range(60)), *(3_600_000 + 100 * n // 3 for n in range(30))]
    write(tmp_path / "gap.mkv", times)
    return bring(SourceVideo("gap.mkv", "file", tmp_path / "gap.mkv"), Preparation(fps=10).form(16, 16, 1))


@pytest.mark.parametrize("start, num_given, first, num_later", [
    (None, 10, 20, 0), (Start("18", 18, None), 5, 13, 2), (Start("20", 20, None), 20, 0, 0),
    (Start("2.4s", None, 2.4), 4, 20, 3),
])
def test_no_clip_goes_over_a_gap(gapped, start, num_given, first, num_later):
    clip = read_clip(gapped, num_given, 3, start)
    assert (clip.first_frame, len(clip.given), len(clip.later)) == (first, num_given, num_later)


def test_too_few_frames_after_a_gap_are_refused(gapped):
    with pytest.raises(UserError, match="wanted at least 11 .*, found 10 at 10 frames/s after a gap"):
        read_clip(gapped, 11)


def test_seconds_are_refused_where_nothing_says_how_long_a_frame_lasts(tmp_path):
    for number in range(3):
        Image.new("RGB", (16, 16)).save(tmp_path / f"{number}.png")
    new = bring(SourceVideo("a", "pictures", tmp_path), Preparation().form(16, 16, 3))
    with pytest.raises(UserError, match="nothing says how many frames a second has; give a frame"):
        read_clip(new, 1, start=parse_start("0.1s"))
    assert len(read_clip(new, 1, 1, parse_start("2")).later) == 1
