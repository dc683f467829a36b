"""Reads any video as a stream of frames of one shape; memory does not depend on its length."""

import math
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import av
import numpy as np
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames import (
    array_source,
    digit_source,
    hdf5_array_source,
    hdf5_source,
    tfrecord_source,
    video_file,
)
from pipeline.frames.concealment import concealed, concealed_frames
from pipeline.frames.container_end import missing_bytes
from pipeline.frames.damage import Damage, UnreadableVideo
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.picture_file import open_picture
from pipeline.frames.shape_pixels import Undecoded, pixel_aspect_of, shape_frame, size_shown
from pipeline.frames.source_video import SourceVideo

READERS = {
    "array": array_source, "digits": digit_source, "hdf5": hdf5_source, "hdf5_array": hdf5_array_source,
    "tfrecord": tfrecord_source,
}
"""Who reads videos that share a file, by their kind: modules with num_frames(video) and frames(video)."""

JUST_BEFORE = 1e-2
"""Share of a step between two frames by which time stamps may be rounded."""

_ERRORS = (av.FFmpegError, OSError, EOFError, SyntaxError, Image.DecompressionBombError, ValueError)
"""What decoders raise; Pillow for a broken PNG, for pixels past reckoning, for fields that make no sense."""


@dataclass(frozen=True)
class VideoInfo:
    """What a look at a video tells, without decoding all of it."""

    num_frames: int
    """After resampling; counted without decoding, so the decoder may find a few more or less."""
    source_fps: float
    fps: float
    """After resampling."""
    leaps: tuple[tuple[int, float], ...] = ()
    """Where resampling finds a gap in the clock, or the clock starting again: the (resampled) frame after it, and the
    seconds by which it leaps there, less than 0 where it starts again."""
    missing_bytes: int = 0
    """What its end lacks."""
    rate_is_known: bool = True
    """source_fps is the video's own; otherwise it is form.fps_if_unknown."""
    pixel_aspect: float = 1.0
    """How many times as wide as high its pixels are shown."""
    damage: str = ""
    """What the decoder says of its first frame, nothing if that is whole."""

    @property
    def runs(self) -> list[int]:
        """Frames from one gap in the clock to the next."""
        gaps = [0, *(frame for frame, seconds in self.leaps if seconds > 0), self.num_frames]
        return [stop - start for start, stop in pairwise(gaps)]


def probe(video: SourceVideo, form: FrameFormat, conceals: bool = False) -> VideoInfo:
    """Looks at a video and decodes its first frame. conceals: of a video file, one of which FFmpeg makes something is
    enough. Raises UnreadableVideo."""
    with _readable(video):
        first = _first_frame(video, conceals)
        if isinstance(first, av.VideoFrame):
            return _probe_file(video, form, pixel_aspect_of(first, video.path))
        count, source_fps = _num_frames(video), form.fps_if_unknown
    fps = form.fps or source_fps
    return VideoInfo(round(count * fps / source_fps), source_fps, fps, rate_is_known=False)


def shown_shape(video: SourceVideo, conceals: bool = False) -> tuple[int, int]:
    """Height and width of a video's first frame as it is shown, px. conceals: as in probe. Raises UnreadableVideo."""
    with _readable(video):
        frame = _first_frame(video, conceals)
        if isinstance(frame, av.VideoFrame):
            return size_shown(frame, pixel_aspect_of(frame, video.path))
        return (open_picture(frame) if isinstance(frame, Path) else frame).shape[:2]


def read_frames(
    video: SourceVideo, form: FrameFormat, info: VideoInfo, num_threads: int = 1,
    leaps: dict[int, float] | None = None, damage: Damage | None = None,
) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index of the frame in the source, frame uint8 [height, width, channel]). Raises UnreadableVideo.

    Where the clock leaps, `leaps` gets the index of the frame after the leap, before that is yielded, and the seconds:
    more than 0 for a gap, less where it starts again. With `damage` it goes on where the video is damaged, with what
    can be made of the rest, and counts there; a gap then is also where too many frames are lost.
    """
    leaps = {} if leaps is None else leaps
    timed: Iterator[Timed] = ((index, *timed) for index, timed in enumerate(_decode(video, num_threads)))
    if damage is not None:
        timed = _decode_on(video, num_threads, info.source_fps, damage)
    shown = _resample(timed, form.fps, info.source_fps, leaps) if form.fps else _all(timed, leaps)
    shape = partial(shape_frame, form=form, pixel_aspect=info.pixel_aspect)
    with _readable(video):
        for index, frame, repeats in _in_threads(shape, shown, num_threads):
            yield from ((index, frame) for _ in range(repeats))


@contextmanager
def _readable(video: SourceVideo) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except _ERRORS as error:
        raise UnreadableVideo(video.video_id, " ".join(str(error).split())) from error


def _probe_file(video: SourceVideo, form: FrameFormat, pixel_aspect: float) -> VideoInfo:
    times, own_fps = video_file.times_and_rate(video.path)
    source_fps = own_fps or form.fps_if_unknown
    info = VideoInfo(
        len(times), source_fps, form.fps or source_fps, missing_bytes=missing_bytes(video.path),
        rate_is_known=own_fps is not None, pixel_aspect=pixel_aspect,
    )
    if not form.fps:
        return info
    leaps: dict[int, float] = {}
    shown, places, count = [], [], 0
    timed = ((index, time, None) for index, time in enumerate(times))
    for index, _, repeats in _resample(timed, form.fps, source_fps, leaps):
        shown.append(index)
        places.append(count)
        count += repeats
    places.append(count)
    found = tuple((places[bisect_left(shown, index)], seconds) for index, seconds in leaps.items())
    return replace(info, num_frames=count, leaps=found)


def _num_frames(video: SourceVideo) -> int:
    return len(video.pictures()) if video.kind == "pictures" else READERS[video.kind].num_frames(video)


Timed = tuple[int, float | None, Undecoded]
"""Index in the source, time in s (None where the source does not say), frame as the source has it."""
Frame = TypeVar("Frame")


def _first_frame(video: SourceVideo, conceals: bool) -> Undecoded:
    found = concealed(video.path) if conceals and video.kind == "file" else (frame for _, frame in _decode(video, 1))
    first = next(found, None)
    if first is None:
        raise UnreadableVideo(video.video_id, "it holds no frame")
    return first


def _decode(video: SourceVideo, num_threads: int) -> Iterator[tuple[float | None, Undecoded]]:
    """Yields (time in s, None where the source does not say; frame as the source has it)."""
    if video.kind == "pictures":
        yield from ((None, picture) for picture in video.pictures())
    elif video.kind in READERS:
        yield from ((None, frame) for frame in READERS[video.kind].frames(video))
    else:
        yield from ((frame.time, frame) for frame in video_file.frames(video.path, num_threads))


def _decode_on(video: SourceVideo, num_threads: int, source_fps: float, damage: Damage) -> Iterator[Timed]:
    """As _decode, but goes on where that would raise, and counts in `damage`. In place of a broken picture the one
    before is yielded; of arrays and the like the rest is left out."""
    if video.kind == "file":
        yield from concealed_frames(video.path, num_threads, damage, source_fps)
        return
    last: Undecoded | None = None
    try:
        for index, (time, frame) in enumerate(_decode(video, num_threads)):
            try:
                last = open_picture(frame) if isinstance(frame, Path) else frame
                damage.count(num_whole=1)
            except _ERRORS:
                damage.count(**{"num_concealed" if last is not None else "num_lost": 1})
            if last is not None:
                yield index, time, last
    except _ERRORS:
        damage.count(num_lost=_num_frames(video) - damage.num_frames)


def _all(timed: Iterator[Timed], leaps: dict[int, float]) -> Iterator[tuple[int, Undecoded, int]]:
    """Yields all frames: index, frame, 1. `leaps` is as in read_frames, of frames that are lost."""
    before, at = -1, 0.0
    for index, time, frame in timed:
        if index > before + 1 and time is not None:
            leaps[index] = time - at
        before, at = index, at if time is None else time
        yield index, frame, 1


def _resample(
    timed: Iterator[tuple[int, float | None, Frame]], fps: float, source_fps: float, leaps: dict[int, float],
) -> Iterator[tuple[int, Frame, int]]:
    """Yields the frames that are the latest at any of the times 0, 1/fps, 2/fps, ...: index, frame, at how many.

    The last frame lasts for 1/source_fps, and so does one before a leap of the clock: where it starts again, time goes
    on from there; after a gap, time starts at 0 again. `leaps` gets the index of the frame after it, and its seconds.
    """
    latest: tuple[int, Frame] | None = None
    start, now, count, last = 0.0, 0.0, 0, 0.0
    for index, stamp, frame in timed:
        time = stamp if stamp is not None else last + 1 / source_fps if latest else 0.0
        if latest is None:
            start = last = time
        elif video_file.is_leap(time - last, source_fps):
            leaps[index] = time - last
            now += 1 / source_fps
            if time < last:
                start = time - now
            else:
                if (repeats := _num_before(now, fps) - count) > 0:
                    yield *latest, repeats
                latest, count, start = None, 0, time
            last = time
        last = max(last, time)
        now = last - start
        if latest and (repeats := _num_before(now, fps) - count) > 0:
            yield *latest, repeats
            count += repeats
        latest = index, frame
    if latest and (repeats := _num_before(now + 1 / source_fps, fps) - count) > 0:
        yield *latest, repeats


def _num_before(time: float, fps: float) -> int:
    """How many of 0, 1/fps, 2/fps, ... lie before `time`; time stamps are rounded, so what is just before does not."""
    return math.ceil(time * fps - JUST_BEFORE)


def _in_threads(
    shape: Callable[[Undecoded], np.ndarray], shown: Iterator[tuple[int, Undecoded, int]], num_threads: int,
) -> Iterator[tuple[int, np.ndarray, int]]:
    """Shapes the frames of _all or _resample in threads: in order, and never far ahead of who reads them (swscale and
    Pillow leave Python's lock alone).

    One that stands for lost ones after it comes again at once, and is shaped once: an av.VideoFrame has a scaler of its
    own, and two threads in one scaler crash.
    """
    if num_threads == 1:
        yield from ((index, shape(frame), repeats) for index, frame, repeats in shown)
        return
    with ThreadPoolExecutor(num_threads) as pool:
        pending: deque[tuple[int, Future[np.ndarray], int]] = deque()
        latest, shaped = None, Future[np.ndarray]()
        for index, frame, repeats in shown:
            if frame is not latest:
                latest, shaped = frame, pool.submit(shape, frame)
            pending.append((index, shaped, repeats))
            if len(pending) == 2 * num_threads:
                yield _result(pending)
        while pending:
            yield _result(pending)


def _result(pending: deque[tuple[int, Future[np.ndarray], int]]) -> tuple[int, np.ndarray, int]:
    index, shaped, repeats = pending.popleft()
    return index, shaped.result(), repeats
