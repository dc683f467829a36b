"""Test clips: where they lie, how they are found again, and what they depend on."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.forecast_clips import context_identity, find_clips, forecast_clips, read_clip_truth, read_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter

SHAPE = (12, 8, 8, 1)
ROWS = [("b", 12, "test"), ("a", 0, "train"), ("b", 24, "test"), ("c", 0, "test")]


def write_store(path, frames: np.ndarray) -> FrameStore:
    writer = FrameStoreWriter(path, len(ROWS), SHAPE, fps=10, crop="none", source="s", num_objects=1)
    for (video_id, first_frame, split), sequence in zip(ROWS, frames, strict=True):
        truth = {
            "segmentation": sequence[..., 0] // 2, "background": sequence, "position": np.zeros((12, 1, 2), np.float32),
            "velocity": np.zeros((12, 1, 2), np.float32), "size": np.ones(1, np.float32),
            "color": np.ones((1, 3), np.float32), "shape": np.zeros(1, np.uint8),
        }
        writer.append(sequence, truth, video_id=video_id, first_frame=first_frame, split=split)
    writer.finish()
    return open_frames(path)


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (len(ROWS), *SHAPE), dtype=np.uint8)


@pytest.fixture
def store(tmp_path, frames) -> FrameStore:
    return write_store(tmp_path / "frames.zarr", frames)


def test_clips_are_cut_from_the_start_of_every_test_sequence_without_overlap(store, frames):
    clips = forecast_clips(store, 5)
    assert list(zip(clips.video_id, clips.first_frame, strict=True)) == [
        ("b", 12), ("b", 17), ("b", 24), ("b", 29), ("c", 0), ("c", 5),
    ]
    read = read_clips(store, clips, 1, 4)
    np.testing.assert_array_equal(read, [frames[row, start + 1:start + 4] for row in (0, 2, 3) for start in (0, 5)])
    np.testing.assert_array_equal(read_clip_truth(store, clips, "segmentation", 1, 4), read[..., 0] // 2)


@pytest.mark.parametrize(("num_frames", "starts"), [(12, [0, 15]), (5, [0, 5, 10, 15, 20]), (4, [0, 4, 8, 13, 18, 23])])
def test_of_sequences_that_overlap_the_clips_do_not(tmp_path, num_frames, starts):
    writer = FrameStoreWriter(tmp_path / "a.zarr", 6, SHAPE, fps=10, crop="none", source="s", num_objects=None)
    for start in (0, 5, 10, 15):
        writer.append(np.full(SHAPE, start, np.uint8), {}, video_id="a", first_frame=start, split="test")
    writer.append(np.zeros(SHAPE, np.uint8), {}, video_id="b", first_frame=3, split="test")
    writer.finish()
    clips = forecast_clips(open_frames(tmp_path / "a.zarr"), num_frames)
    assert sorted(clips.first_frame[clips.video_id == "a"].tolist()) == starts
    assert clips.first_frame[clips.video_id == "b"].tolist()[0] == 3


def test_sequences_shorter_than_a_clip_are_refused(store):
    with pytest.raises(UserError, match="wanted test sequences of at least 13 frames .* found 3 of 12"):
        forecast_clips(store, 13)


def test_clips_are_found_by_name_in_any_order(store):
    clips = find_clips(store, np.array(["c", "b", "b"]), np.array([7, 29, 12]), 5)
    assert clips.row.tolist() == [3, 2, 0] and clips.start.tolist() == [7, 5, 0]


@pytest.mark.parametrize(("video_id", "first_frame"), [("a", 0), ("b", 11), ("c", 8), ("d", 0)])
def test_clips_that_are_not_in_the_test_split_are_refused(store, video_id, first_frame):
    with pytest.raises(UserError, match=f"1 of 2 clips .* '{video_id}' from frame {first_frame}"):
        find_clips(store, np.array(["c", video_id]), np.array([0, first_frame]), 5)


def test_identity_of_the_context_depends_on_context_frames_alone(store, frames, tmp_path):
    clips = forecast_clips(store, 6)
    identity = context_identity(store, clips, 4)
    later = frames.copy()
    later[:, [4, 5, 10, 11]] ^= 255
    later[1] ^= 255  # a row of another split
    assert context_identity(write_store(tmp_path / "later.zarr", later), clips, 4) == identity
    given = frames.copy()
    given[3, 3, 0, 0] ^= 1
    assert context_identity(write_store(tmp_path / "given.zarr", given), clips, 4) != identity
    assert len({identity, context_identity(store, clips[:5], 4), context_identity(store, clips, 3)}) == 3
