"""The frames of a video that a forecast starts from: its last ones, or those before any other place."""

import math
import re
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.damage import Damage, OnDamage, UnreadableVideo
from pipeline.frames.new_videos import NewVideo
from pipeline.frames.read_video import read_frames

_START = re.compile(r"(?P<frame>\d{1,9})|(?P<seconds>\d{1,9}(\.\d*)?|\.\d+)s")


@dataclass(frozen=True)
class Start:
    """Where a forecast starts: before this frame of the (resampled) video, or after so many seconds of it."""

    text: str
    frame: int | None
    seconds: float | None

    def frame_at(self, fps: float) -> int:
        """The first frame that is forecast."""
        return math.ceil((self.seconds or 0) * fps - 1e-6) if self.frame is None else self.frame


def parse_start(text: str) -> Start:
    """Reads '120' (a frame) or '4.5s' (seconds). Raises UserError."""
    found = _START.fullmatch(text.strip())
    if not found:
        raise UserError(f"--from '{text}': wanted a frame, such as 120, or seconds, such as 4.5s")
    frame, seconds = found["frame"], found["seconds"]
    return Start(text, None if frame is None else int(frame), None if seconds is None else float(seconds))


@dataclass(frozen=True)
class VideoClip:
    """Frames uint8 [T, H, W, C] of a video."""

    given: np.ndarray
    """What a forecast starts from."""
    later: np.ndarray
    """What came then, as far as the video goes."""
    first_frame: int
    """Where the given ones start, counted in the (resampled) video."""


def read_clip(
    new: NewVideo, num_given: int, num_later: int = 0, start: Start | None = None, on_damage: OnDamage = "stop",
) -> VideoClip:
    """Reads the num_given frames before `start` (None: the last ones of the video), and up to num_later after it; none
    lie on two sides of a gap in the video's clock. Of a damaged video, which is named, `on_damage` skips what comes
    after the damage or keeps what FFmpeg makes of it.

    Raises UnreadableVideo, or UserError when the video is shorter.
    """
    try:
        return _read(new, num_given, num_later, start, None, skips=on_damage == "skip")
    except UnreadableVideo as error:
        if on_damage != "keep":
            raise
        damage = Damage(error.reason)
    clip = _read(new, num_given, num_later, start, damage)
    print(f"kept: video '{new.video.video_id}' is {damage}", file=sys.stderr)
    return clip


def _read(
    new: NewVideo, num_given: int, num_later: int, start: Start | None, damage: Damage | None, skips: bool = False,
) -> VideoClip:
    name, fps = new.video.video_id, new.info.fps
    if start and start.seconds is not None and not new.info.rate_is_known:
        raise UserError(f"{name}: --from {start.text}: nothing says how many frames a second has; give a frame")
    wanted = None if start is None else start.frame_at(fps)
    given, later = deque[np.ndarray](maxlen=num_given), list[np.ndarray]()
    leaps: dict[int, float] = {}
    count, previous, has_gap = 0, -1, False
    frames = read_frames(new.video, new.form, new.info, leaps=leaps, damage=damage)
    for index, frame in _up_to_damage(frames) if skips else frames:
        is_later, is_gap = wanted is not None and count >= wanted, index != previous and leaps.get(index, 0) > 0
        if is_later and (is_gap or len(later) == num_later):
            break
        if is_gap:
            given.clear()
            has_gap = True
        (later if is_later else given).append(frame)
        count, previous = count + 1, index
    if wanted is not None and count < wanted:
        assert start is not None
        raise UserError(
            f"{name}: --from {start.text} wanted {wanted} frames before it, found {count} at {fps:g} frames/s "
            f"({count / fps:.4g} s); start earlier"
        )
    if len(given) < num_given:
        where = "" if start is None else f" before --from {start.text}"
        gap = " after a gap in its time stamps" if has_gap else ""
        raise UserError(
            f"{name}: wanted at least {num_given} frames of context{where}, found {len(given)} at {fps:g} frames/s"
            f"{gap}; give a longer video{', start later' if start else ''} or set generate.context_frames lower"
        )
    first_frame = (count - len(later)) - num_given
    return VideoClip(np.stack(given), np.stack(later) if later else np.stack(given)[:0], first_frame)


def _up_to_damage(frames: Iterator[tuple[int, np.ndarray]]) -> Iterator[tuple[int, np.ndarray]]:
    try:
        yield from frames
    except UnreadableVideo as error:
        print(f"skipped: the rest of video '{error.video_id}' ({error.reason})", file=sys.stderr)
