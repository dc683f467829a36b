import threading
from itertools import zip_longest

import numpy as np
import pytest

from pipeline.frames.damage import UnreadableVideo
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, probe
from pipeline.frames.sequences import NOTHING_KNOWN, Cut, cut_video, cut_videos, known_sequences
from pipeline.frames.source import open_source
from pipeline.frames.source_video import SourceVideo

FORM = FrameFormat(height=8, width=8, crop="center", color="gray", fps=None, fps_if_unknown=10)


@pytest.mark.parametrize(("length", "stride", "starts"), [
    (4, 4, [0, 4, 8]), (4, 7, [0, 7]), (4, 3, [0, 3, 6, 9]), (12, 1, [0, 1, 2, 3]), (15, 15, [0]), (16, 16, []),
])
def test_a_video_is_cut_at_regular_places(tmp_path, length, stride, starts):
    frames = np.random.default_rng(0).integers(0, 256, (1, 15, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", frames)
    cut = Cut(FORM, length, stride)
    with open_source(tmp_path / "a.npy", "video_time") as source:
        video = source.videos[0]
        sequences = list(cut_video(5, video, probe(video, FORM), NOTHING_KNOWN, cut))
    assert [sequence.first_frame for sequence in sequences] == starts
    assert cut.num_sequences(VideoInfo(15, 10, 10)) == len(starts) and cut.starts(VideoInfo(15, 10, 10)) == starts
    for sequence, start in zip(sequences, starts, strict=True):
        assert sequence.video == 5 and sequence.is_last == (start == starts[-1])
        assert np.array_equal(sequence.frames[..., 0], frames[0, start : start + length])


def test_known_sequences_come_again_without_frames(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (1, 15, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "a.npy", frames)
    cut = Cut(FORM, 4, 5)
    with open_source(tmp_path / "a.npy", "video_time") as source:
        video = source.videos[0]
        info = probe(video, FORM)
        for found, decoded in [([(5, 5, False)], [0, 10]), ([(5, 10, True), (5, 0, False)], [5])]:
            known = known_sequences(found, cut)[5]
            again = list(cut_video(5, video, info, known, cut))
            places = [(sequence.first_frame, sequence.is_last) for sequence in again]
            assert places == [(0, False), (5, False), (10, True)]
            assert [sequence.first_frame for sequence in again if sequence.frames is not None] == decoded
    (tmp_path / "a.npy").unlink()  # of a video that is known as a whole nobody looks at the file
    whole = known_sequences([(5, 10, True), (5, 0, False), (5, 5, False)], cut)[5]
    again = list(cut_video(5, video, info, whole, cut))
    assert [(sequence.first_frame, sequence.frames, sequence.is_last) for sequence in again] == [
        (0, None, False), (5, None, False), (10, None, True),
    ]


def test_a_video_is_known_as_a_whole_without_sequences_that_nobody_wants():
    cut = Cut(FORM, 4, 2)
    rows = [(0, 0, False), (0, 2, False), (0, 8, True)]
    assert not known_sequences(rows, cut)[0].is_whole
    for wanted, is_whole in [([0, 2, 8], True), ([0, 2, 6, 8], False), ([0, 2, 8, 10], True), ([0, 2], False)]:
        assert known_sequences(rows, cut, {0: wanted})[0].is_whole == is_whole


def test_sequences_start_anew_after_a_gap():
    info = VideoInfo(23, 10, 10, leaps=((9, 5.0), (12, 5.0), (15, -5.0)))
    assert info.runs == [9, 3, 11]
    assert Cut(FORM, 4, 4).starts(info) == [0, 4, 12, 16] and Cut(FORM, 4, 2).starts(info) == [0, 2, 4, 12, 14, 16, 18]


def test_where_frames_are_repeated_sequences_reach_further():
    for source_fps, fps, reach in [(10, 10, 4), (29.97, 30, 4), (10, 20, 5), (10, 25, 6), (30, 10, 4)]:
        assert Cut(FORM, 4, 4).reach([VideoInfo(20, 30, 10), VideoInfo(20, source_fps, fps)]) == reach


@pytest.fixture
def jobs(tmp_path):
    """Six videos of four, one, two, no (it is not there), three and five sequences of two frames."""
    videos = []
    for number, count in enumerate((4, 1, 2, 0, 3, 5)):
        path = tmp_path / f"{number}.npy"
        if count:
            np.save(path, np.full((1, 2 * count, 8, 8), number, np.uint8))
        videos.append(SourceVideo(path.name, "array", path, (0, "NTHW", None)))
    return videos, [VideoInfo(2, 10, 10)] * 6, Cut(FORM, 2, 2), {}


@pytest.mark.parametrize("num_cores", [1, 2, 16])
def test_lanes_take_turns(jobs, monkeypatch, num_cores):
    """Four lanes: videos 0 and 4, 1 and 5, 2, 3."""
    monkeypatch.setattr("os.cpu_count", lambda: num_cores)
    found = [
        item.video_id if isinstance(item, UnreadableVideo) else (item.video, item.first_frame)
        for item in cut_videos(*jobs)
    ]
    lanes = [
        [*((0, start) for start in range(0, 8, 2)), *((4, start) for start in range(0, 6, 2))],
        [(1, 0), *((5, start) for start in range(0, 10, 2))], [(2, 0), (2, 2)], ["3.npy"],
    ]
    assert found == [item for turn in zip_longest(*lanes) for item in turn if item is not None]


def test_who_wants_no_more_leaves_no_thread_behind(jobs):
    before = threading.active_count()
    sequences = cut_videos(*jobs)
    assert next(sequences).video == 0 and threading.active_count() > before
    sequences.close()
    assert threading.active_count() == before
