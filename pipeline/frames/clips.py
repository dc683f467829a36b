"""Clips: windows of the sequences of a frame store."""

from collections.abc import Iterator

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_store import FrameStore


def random_clips(
    store: FrameStore, rows: np.ndarray, num_clips: int, clip_frames: int, random: np.random.Generator,
) -> np.ndarray:
    """Clips of random sequences among `rows` from random starts: uint8 [num_clips, clip_frames, H, W, C].

    Nothing but the arguments decides them. Raises UserError when the sequences are shorter than a clip.
    """
    last_start = _last_start(store, rows, clip_frames)
    chosen = random.choice(rows, num_clips)
    starts = random.integers(0, last_start, num_clips, endpoint=True)
    return np.stack([frames[t : t + clip_frames] for frames, t in zip(store.read(chosen), starts, strict=True)])


def regular_clips(
    store: FrameStore, rows: np.ndarray, clip_frames: int, stride: int,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yields per sequence all clips that start at 0, stride, 2 stride, ...: uint8 [n, clip_frames, H, W, C], with their
    row and first frame within it, int [n] each. Raises UserError when the sequences are shorter than a clip."""
    starts = np.arange(0, _last_start(store, rows, clip_frames) + 1, stride)
    for row in rows:
        (frames,) = store.read(np.array([row]))
        yield np.stack([frames[t : t + clip_frames] for t in starts]), np.full(len(starts), row), starts


def _last_start(store: FrameStore, rows: np.ndarray, clip_frames: int) -> int:
    if len(rows) == 0 or clip_frames > store.num_frames:
        raise UserError(
            f"{store.path}: wanted sequences of at least {clip_frames} frames, found {len(rows)} of "
            f"{store.num_frames}; make preprocess.sequence_length longer or the clips shorter"
        )
    return store.num_frames - clip_frames
