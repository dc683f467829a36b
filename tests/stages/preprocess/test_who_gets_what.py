"""Which sequences of which videos are in which split."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.frames.write_video import write_video
from tests.stages.preprocess.conftest import LENGTH, noise


def test_a_single_video_is_split_by_time(run, tmp_path):
    frames = noise(0, 103)
    write_video(tmp_path / "long.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "long.mkv", sequence_stride=10)
    assert test.first_frame.tolist() == [80, 90]
    assert rest.first_frame[rest.rows("val")].tolist() == [60, 70]
    assert rest.first_frame[rest.rows("train")].tolist() == [0, 10, 20, 30, 40, 50]
    assert np.array_equal(test.read(slice(None)), np.stack([frames[80:88], frames[90:98]]))


def test_overlapping_sequences_of_a_single_video_share_no_frame_across_splits(run, tmp_path):
    frames = noise(0, 103)
    write_video(tmp_path / "long.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "long.mkv", sequence_stride=3)
    taken = {name: set() for name in ("train", "val", "test")}
    for store in (rest, test):
        for row, (start, split) in enumerate(zip(store.first_frame.tolist(), store.split.tolist(), strict=True)):
            assert np.array_equal(store.read([row])[0], frames[start : start + LENGTH]) and start % 3 == 0
            taken[split] |= {*range(start, start + LENGTH)}
    assert not taken["train"] & taken["val"] and not (taken["train"] | taken["val"]) & taken["test"]
    assert len(rest) + len(test) == (103 - LENGTH) // 3 + 1 - 2 * 2  # two lie across each border


def test_overlapping_sequences_are_more_of_them(run, tmp_path):
    """Twenty clips of 43 frames: two sequences of 20 frames each, or 24."""
    np.save(tmp_path / "a.npy", np.stack([noise(number, 43) for number in range(20)]))
    for stride, count in ((None, 2), (1, 24)):
        rest, test = run(tmp_path / "a.npy", array_layout="video_time", sequence_length=20, sequence_stride=stride)
        assert len(rest.rows("train")) == 12 * count and len(rest.rows("val")) == len(test) == 4 * count
        sides = [set(rest.video_id[rest.rows(name)]) for name in ("train", "val")] + [set(test.video_id)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 20


def test_where_frames_are_repeated_none_is_on_both_sides(run, tmp_path):
    frames = noise(0, 60)
    write_video(tmp_path / "slow.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "slow.mkv", fps=30, sequence_length=LENGTH)
    shown = {
        name: {frame.tobytes() for row in store.rows(name) for frame in store.read([row])[0]}
        for store, names in ((rest, ("train", "val")), (test, ("test",))) for name in names
    }
    assert not shown["train"] & shown["val"] and not (shown["train"] | shown["val"]) & shown["test"]


def test_of_two_videos_a_short_one_is_named_and_left_out(run, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "long.mkv", noise(0, 80), 10, lossless=True)
    for count, complaint in ((LENGTH - 1, "shorter than"), (2 * LENGTH, "'short.mkv' with 2")):
        write_video(tmp_path / "videos" / "short.mkv", noise(1, count), 10, lossless=True)
        rest, test = run()
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out: ")]
        assert len(said) == 1 and complaint in said[0] and "'short.mkv'" in said[0]
        assert {*rest.video_id, *test.video_id} == {"long.mkv"} and len(rest) + len(test) == 10


def test_clips_of_one_recording_stay_on_one_side(run, refuses, tmp_path):
    (tmp_path / "videos").mkdir()
    for number, name in enumerate(f"{person}_{clip}.mkv" for person in ("ann", "bob", "cy") for clip in range(3)):
        write_video(tmp_path / "videos" / name, noise(number), 10, lossless=True)
    for seed in range(3):
        rest, test = run(group="^([a-z]+)_", seed=seed)
        sides = [rest.video_id[rest.rows("train")], rest.video_id[rest.rows("val")], test.video_id]
        clips = [[f"{person}_{clip}.mkv" for clip in range(3)] for person in ("ann", "bob", "cy")]
        assert sorted(map(sorted, sides)) == clips
    refuses("wanted at least three groups of videos, one each for train, val, test, preprocess.group finds 1",
            group=r"(\.mkv)")
    refuses("preprocess.group: (nested is no regular expression", group="(nested")
    refuses("preprocess.group: nested has no group", group="nested")


def test_videos_are_published_for_testing_by_an_expression(run, refuses, tmp_path):
    (tmp_path / "videos").mkdir()
    for number in range(1, 6):
        write_video(tmp_path / "videos" / f"person{number:02}_d1.mkv", noise(number), 10, lossless=True)
    rest, test = run(split="published", test_names="person0[45]_")
    assert sorted(test.video_id) == ["person04_d1.mkv", "person05_d1.mkv"] and len(rest) == 3
    refuses("test_names = person9 is found in the names of 0 of 5", split="published", test_names="person9")
    refuses("preprocess.test_names: (person is no regular expression", split="published", test_names="(person")
    refuses("write split: published", test_names="person0[45]_")


def test_short_videos_are_left_out_with_a_word(run, videos, capsys):
    rest, test = run(sequence_length=LENGTH * 2)
    assert "left out: 2 videos are shorter" in capsys.readouterr().err
    assert {*rest.video_id, *test.video_id} == {name for name, frames in videos.items() if len(frames) >= 2 * LENGTH}


STREET = Path(__file__).resolve().parents[4] / "shared" / "data" / "vtest.avi"


@pytest.mark.skipif(not STREET.exists(), reason="the street camera's video is not here")
def test_one_long_real_video_is_split_by_time(run):
    frames, test_frames = run(STREET, height=72, width=96, sequence_length=20)
    assert set(frames.split) == {"train", "val"} and set(test_frames.split) == {"test"}
    assert frames.read([0]).shape == (1, 20, 72, 96, 3) and frames.fps == 10
    starts = {split: frames.first_frame[frames.rows(split)] for split in ("train", "val")}
    assert starts["train"].max() + 20 <= starts["val"].min()
    assert starts["val"].max() + 20 <= test_frames.first_frame.min()
    assert len(frames) + len(test_frames) == 795 // 20
