import numpy as np
import pytest

from pipeline.frames import video_file
from pipeline.frames.concealment import concealed_frames
from pipeline.frames.damage import Damage
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import probe, read_frames
from pipeline.frames.source_video import SourceVideo
from tests.frames.damaged_videos import damage, texture, write

NUM_FRAMES = 40
FORM = FrameFormat(height=48, width=64, crop="none", color="gray", fps=None, fps_if_unknown=10)


@pytest.fixture
def frames():
    return texture(NUM_FRAMES)


@pytest.mark.parametrize(("name", "codec", "options"), [
    ("a.mp4", "libx264", {}), ("a.mp4", "libx264", {"bf": "2", "g": "20"}), ("a.ts", "libx264", {}),
    ("a.avi", "mpeg4", {}), ("a.mkv", "mjpeg", {}),
])
def test_damage_is_concealed_and_counted_and_the_rest_comes_through(tmp_path, frames, name, codec, options):
    write(tmp_path / name, frames, codec, **options)
    video = SourceVideo(name, "file", tmp_path / name)
    whole = [frame for _, frame in read_frames(video, FORM, probe(video, FORM))]
    damage(tmp_path / name, 13, first=40 if name == "a.ts" else 8, count=10_000 if codec == "mjpeg" else 12)
    found = Damage("so it is")
    got = list(read_frames(video, FORM, probe(video, FORM), damage=found))
    assert [index for index, _ in got] == list(range(NUM_FRAMES))
    before = found.first
    assert before in (12, 13, 14) and 1 <= found.num_concealed <= 10 and found.num_frames == NUM_FRAMES
    for t in (*range(before), *range(30, NUM_FRAMES)):
        assert np.array_equal(got[t][1], whole[t])
    assert f"from frame {before} on (so it is): {found.num_concealed} of 40 frames concealed" in str(found)


def test_a_frame_that_is_lost_is_the_one_before(tmp_path, frames):
    write(tmp_path / "a.mp4", frames, "mjpeg")
    damage(tmp_path / "a.mp4", 0, 13, 14, first=0, count=10_000)
    found = Damage("lost")
    got = [(index, time, frame.to_ndarray()) for index, time, frame in
           concealed_frames(tmp_path / "a.mp4", 1, found, 10)]
    assert [index for index, _, _ in got] == list(range(NUM_FRAMES))
    assert [round(10 * time) for _, time, _ in got] == list(range(NUM_FRAMES))
    for lost, shown in ((0, 1), (13, 12), (14, 12)):
        assert np.array_equal(got[lost][2], got[shown][2])
    assert (found.first, found.num_concealed, found.num_lost) == (0, 3, 0)


@pytest.mark.parametrize("fps", [None, 10])
def test_where_too_many_are_lost_the_sequence_ends(tmp_path, frames, fps):
    write(tmp_path / "a.mp4", frames, "mjpeg")
    damage(tmp_path / "a.mp4", *range(10, 25), first=0, count=10_000)
    video, found, leaps = SourceVideo("a.mp4", "file", tmp_path / "a.mp4"), Damage("lost"), {}
    form = FORM.model_copy(update={"fps": fps})
    indices = [index for index, _ in read_frames(video, form, probe(video, form), 1, leaps, found)]
    assert indices == [*range(10), *range(25, NUM_FRAMES)] and leaps == {25: pytest.approx(1.6)}
    assert found.num_lost == 15 and "0 of 40 frames concealed and 15 lost" in str(found)


def test_the_strict_reader_gives_what_comes_before_the_damage(tmp_path, frames):
    write(tmp_path / "a.mp4", frames)
    damage(tmp_path / "a.mp4", 13)
    count = 0
    with pytest.raises(Exception, match="Invalid data"):
        for _ in video_file.frames(tmp_path / "a.mp4", 1):
            count += 1
    assert count == 13


def test_a_video_that_is_damaged_from_its_first_frame_on_can_be_looked_at(tmp_path, frames):
    write(tmp_path / "a.mp4", frames)
    damage(tmp_path / "a.mp4", 0, first=0, count=60)
    video = SourceVideo("a.mp4", "file", tmp_path / "a.mp4")
    with pytest.raises(Exception, match="preprocess.on_damage"):
        probe(video, FORM)
    assert probe(video, FORM, conceals=True).num_frames == NUM_FRAMES
