"""Reads a source for a limited time: what its files say, then a few stretches spread over it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.damage import Damage, UnreadableVideo
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.read_video import VideoInfo, probe, read_frames, shown_shape
from pipeline.frames.source import open_source
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.splits import published_splits
from pipeline.progress import progress
from pipeline.suggestion.facts import SourceFacts
from pipeline.suggestion.thresholds import Thresholds

_SMALL = FrameFormat(height=8, width=8, crop="none", color="rgb", fps=None, fps_if_unknown=10)


@dataclass(frozen=True)
class Stretch:
    """Consecutive frames uint8 [T, H, W, 3] of a video at its own rate."""

    video_id: str
    first_frame: int
    frames: np.ndarray
    fps: float


@dataclass(frozen=True)
class Opened:
    """A source while it is open: what its files say, and the videos that these facts are of."""

    facts: SourceFacts
    videos: list[SourceVideo]
    infos: list[VideoInfo]


@contextmanager
def opened(params: PreprocessParams, seconds: float) -> Iterator[Opened]:
    """Looks at the videos of params.source, evenly spread, for that long at most. Raises UserError when none can be
    read."""
    form = _SMALL.model_copy(update={"fps_if_unknown": params.fps_if_unknown})
    with open_source(params.source, *params.reading, named="the path") as source:
        deadline, found, unreadable = time.monotonic() + seconds, [], []
        order = _spread(len(source.videos))
        with progress("looking at", len(order), "videos") as advance:
            for number in order:
                try:
                    video = source.videos[number]
                    found.append((number, video, *_look(video, form, params.on_damage == "keep")))
                except UnreadableVideo as error:
                    unreadable.append(error)
                advance()
                if found and time.monotonic() > deadline:
                    break
        if not found:
            raise unreadable[0]
        for failure in unreadable[:3]:
            print(f"left out: video '{failure.video_id}' cannot be decoded ({failure.reason})", file=sys.stderr)
        _, videos, infos, shapes = map(list, zip(*sorted(found, key=lambda item: item[0]), strict=True))
        height, width = (int(np.median(sides)) for sides in zip(*shapes, strict=True))
        yield Opened(SourceFacts(
            num_videos=len(source.videos), num_unreadable=len(unreadable),
            num_frames=tuple(info.num_frames for info in infos), fps=tuple(info.source_fps for info in infos),
            height=height, width=width, split_is_published=_says_split(source.videos, params),
        ), videos, infos)


def read_stretches(
    source: Opened, form: FrameFormat, num_frames: int, seconds: float, params: Thresholds,
) -> list[Stretch]:
    """Up to num_clips stretches of up to num_frames frames, spread over videos and time, as many as can be read in that
    time, but one at least. Raises UserError when no video holds two frames."""
    deadline, found = time.monotonic() + seconds, []
    chosen = [number for number in _spread(len(source.videos)) if source.infos[number].num_frames >= 2]
    chosen = chosen[:params.num_clips]
    per_video = -(-params.num_clips // max(1, len(chosen)))
    with progress("reading", None, "frames") as advance:
        for number in chosen:
            video, info = source.videos[number], source.infos[number]
            try:
                for stretch in _stretches(video, info, form, num_frames, per_video):
                    found.append(stretch)
                    advance(len(stretch.frames))
                    if time.monotonic() > deadline:
                        break
            except UnreadableVideo as error:
                print(f"left out: the rest of video '{error.video_id}' ({error.reason})", file=sys.stderr)
            if found and time.monotonic() > deadline:
                break
    if not found:
        raise UserError("no video of the source holds two frames that can be decoded; wanted videos")
    return sorted(found, key=lambda stretch: (stretch.video_id, stretch.first_frame))


def _look(video: SourceVideo, form: FrameFormat, keeps: bool) -> tuple[VideoInfo, tuple[int, int]]:
    """What a look tells, and the shape. keeps: of a video that is damaged from its first frame on, too."""
    try:
        return probe(video, form), shown_shape(video)
    except UnreadableVideo as error:
        if not keeps:
            raise
        return replace(probe(video, form, conceals=True), damage=error.reason), shown_shape(video, conceals=True)


def _stretches(
    video: SourceVideo, info: VideoInfo, form: FrameFormat, num_frames: int, count: int,
) -> Iterator[Stretch]:
    length = min(num_frames, info.num_frames)
    count = min(count, max(1, info.num_frames // length))
    starts = np.linspace(0, info.num_frames - length, count).round().astype(int).tolist()
    taken: list[np.ndarray] = []
    damage = Damage(info.damage) if info.damage else None
    for place, (_, frame) in enumerate(read_frames(video, form, info, num_threads=2, damage=damage)):
        if place >= starts[0]:
            taken.append(frame)
        if len(taken) == length:
            yield Stretch(video.video_id, starts.pop(0), np.stack(taken), info.source_fps)
            taken.clear()
            if not starts:
                return
    if len(taken) > 1:  # headers promise more frames than there are
        yield Stretch(video.video_id, starts[0], np.stack(taken), info.source_fps)


def _spread(count: int) -> list[int]:
    """0 to count - 1 in an order whose beginnings are spread evenly: halves, quarters, eighths, ..."""
    bits = max(1, (count - 1).bit_length())
    order = (int(f"{i:0{bits}b}"[::-1], 2) for i in range(2**bits))
    return [number for number in order if number < count]


def _says_split(videos: list[SourceVideo], params: PreprocessParams) -> bool:
    try:
        names = [video.video_id for video in videos]
        parts = published_splits(names, params.val_fraction, params.test_fraction, 0, test_names=params.test_names)
    except UserError:
        return False
    return len(set(parts)) == 3
