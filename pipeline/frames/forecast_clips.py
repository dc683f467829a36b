"""The clips that are forecast and judged: windows of the test sequences, found again by name.

A clip is context_frames + horizon consecutive frames. It is named by `video_id` and `first_frame`, the index of its
first context frame in the video; that name, never a row number, joins predictions and truth.
"""

import hashlib
from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_store import FrameStore


@dataclass(frozen=True)
class ForecastClips:
    """n clips of a frame store: names video_id str [n] and first_frame int64 [n]; where they lie: row and start,
    int64 [n]."""

    video_id: np.ndarray
    first_frame: np.ndarray
    row: np.ndarray
    start: np.ndarray

    def __len__(self) -> int:
        return len(self.row)

    def __getitem__(self, chosen: slice | np.ndarray) -> "ForecastClips":
        return ForecastClips(self.video_id[chosen], self.first_frame[chosen], self.row[chosen], self.start[chosen])


def forecast_clips(store: FrameStore, num_frames: int) -> ForecastClips:
    """All clips of num_frames in the store's test split: from the start of each sequence, what is left over is not
    used. No two overlap, even where sequences do: clips count as independent. Raises UserError when the sequences are
    shorter than a clip."""
    rows = store.rows("test")
    per_row = store.num_frames // num_frames
    if per_row == 0 or len(rows) == 0:
        raise UserError(
            f"{store.path}: wanted test sequences of at least {num_frames} frames (context_frames + horizon), found "
            f"{len(rows)} of {store.num_frames}; make the sequences longer (preprocess) or context and horizon shorter"
        )
    row = np.repeat(rows, per_row)
    start = np.tile(np.arange(per_row) * num_frames, len(rows))
    clips = ForecastClips(store.video_id[row], store.first_frame[row] + start, row, start)
    return clips[_apart(clips, num_frames)]


def find_clips(store: FrameStore, video_id: np.ndarray, first_frame: np.ndarray, num_frames: int) -> ForecastClips:
    """The clips of these names [n] in the store's test split, in the order asked for. Raises UserError naming the
    first that is not there with num_frames frames."""
    by_video: dict[str, list[int]] = {}
    for row in store.rows("test"):
        by_video.setdefault(str(store.video_id[row]), []).append(int(row))
    names = zip(video_id, first_frame, strict=True)
    found = [_find(by_video.get(str(video), []), store, int(frame), num_frames) for video, frame in names]
    missing = [i for i, row in enumerate(found) if row is None]
    if missing:
        i = missing[0]
        raise UserError(
            f"{store.path}: {len(missing)} of {len(found)} clips are not in the test split, such as the {num_frames} "
            f"frames of video '{video_id[i]}' from frame {first_frame[i]}; run all stages on the same frames"
        )
    row = np.array(found, dtype=np.int64)
    return ForecastClips(np.asarray(video_id), np.asarray(first_frame), row, first_frame - store.first_frame[row])


def read_clips(store: FrameStore, clips: ForecastClips, start: int, stop: int) -> np.ndarray:
    """Frames start <= t < stop of every clip, counted from the clip's first: uint8 [n, stop - start, H, W, C]."""
    return _window(store.read(clips.row), clips, start, stop)


def read_clip_truth(store: FrameStore, clips: ForecastClips, name: str, start: int, stop: int) -> np.ndarray:
    """The ground truth `name` (one with a time axis) of the same frames: [n, stop - start, ...]."""
    return _window(store.read_truth(name, clips.row), clips, start, stop)


def context_identity(store: FrameStore, clips: ForecastClips, context_frames: int) -> str:
    """SHA-256 over names and context frames of the clips: what a forecast was made from, so without later frames."""
    digest = hashlib.sha256()
    for i in range(len(clips)):
        digest.update(f"{clips.video_id[i]}\0{clips.first_frame[i]}\0{context_frames}\0".encode())
        digest.update(read_clips(store, clips[i:i + 1], 0, context_frames).tobytes())
    return digest.hexdigest()


def _window(sequences: np.ndarray, clips: ForecastClips, start: int, stop: int) -> np.ndarray:
    pairs = zip(sequences, clips.start, strict=True)
    return np.stack([values[first + start:first + stop] for values, first in pairs])


def _apart(clips: ForecastClips, num_frames: int) -> np.ndarray:
    """Which clips remain when of those that overlap the earliest is kept: int [n], ascending."""
    stops: dict[str, int] = {}
    kept = []
    for i in np.argsort(clips.first_frame, kind="stable"):
        video, first_frame = str(clips.video_id[i]), int(clips.first_frame[i])
        if first_frame >= stops.get(video, first_frame):
            stops[video] = first_frame + num_frames
            kept.append(int(i))
    return np.array(sorted(kept), np.int64)


def _find(rows: list[int], store: FrameStore, first_frame: int, num_frames: int) -> int | None:
    for row in rows:
        start = first_frame - int(store.first_frame[row])
        if 0 <= start and start + num_frames <= store.num_frames:
            return row
    return None
