import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.clips import random_clips, regular_clips
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter

NUM_FRAMES = 10


@pytest.fixture
def store(tmp_path):
    """Six sequences whose pixels say which row and frame they are: 20 * row + frame."""
    writer = FrameStoreWriter(
        tmp_path / "a.zarr", 6, (NUM_FRAMES, 8, 8, 1), fps=10, crop="center", source="abc", num_objects=None,
    )
    for row in range(6):
        levels = (20 * row + np.arange(NUM_FRAMES)).astype(np.uint8)
        frames = np.broadcast_to(levels[:, None, None, None], (NUM_FRAMES, 8, 8, 1))
        writer.append(frames, {}, video_id=str(row), first_frame=0, split="train")
    writer.finish()
    return open_frames(tmp_path / "a.zarr")


def test_random_clips_are_windows_of_the_given_rows(store):
    clips = random_clips(store, np.array([1, 4]), 200, 3, np.random.default_rng(0))
    assert clips.shape == (200, 3, 8, 8, 1) and clips.dtype == np.uint8
    levels = clips[..., 0, 0, 0].astype(int)
    assert np.all(np.diff(levels, axis=1) == 1)
    assert set(levels[:, 0] // 20) == {1, 4} and set(levels[:, 0] % 20) == set(range(NUM_FRAMES - 2))


def test_random_clips_are_a_function_of_the_seed(store):
    def draw(seed):
        return random_clips(store, np.arange(6), 20, 4, np.random.default_rng(seed))

    assert np.array_equal(draw(5), draw(5)) and not np.array_equal(draw(5), draw(6))


def test_regular_clips_are_all_there_with_their_places(store):
    parts = list(regular_clips(store, np.array([2, 5]), 4, 3))
    clips, rows, starts = (np.concatenate(part) for part in zip(*parts, strict=True))
    assert rows.tolist() == [2, 2, 2, 5, 5, 5] and starts.tolist() == [0, 3, 6] * 2
    wanted = 20 * rows[:, None] + starts[:, None] + np.arange(4)
    assert np.array_equal(clips[..., 0, 0, 0], wanted)


def test_clips_longer_than_a_sequence_are_refused(store):
    with pytest.raises(UserError, match="at least 11 frames, found 6 of 10"):
        random_clips(store, np.arange(6), 1, NUM_FRAMES + 1, np.random.default_rng(0))
    with pytest.raises(UserError, match="found 0 of 10"):
        next(regular_clips(store, np.array([], int), 4, 1))
