"""Cuts several videos at once into sequences, whose order depends on nothing but the list of videos."""

import math
import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.damage import Damage
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, read_frames
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.truth import VideoTruth

NUM_LANES = 4
"""Videos that are decoded at once; fixed, because the order of the rows follows it. More cores become threads of
each."""


_ROUNDED = 0.05
"""Share by which a rate may be above the source's for rounding alone, so that no frame is repeated."""


@dataclass(frozen=True)
class FrameSequence:
    """Consecutive frames of one video."""

    video: int
    """Place in the list of videos."""
    first_frame: int
    """Counted in the (resampled) video."""
    frames: np.ndarray | None
    """uint8 [T, H, W, C]; None when it is known already (see cut_videos)."""
    truth: dict[str, np.ndarray]
    """Keyed and shaped as in the frame store, without its sequence axis; empty where there is none."""
    is_last: bool
    """The last one of its video."""


@dataclass(frozen=True)
class Cut:
    """How videos are cut."""

    form: FrameFormat
    length: int
    """Frames of a sequence."""
    stride: int
    """Frames from the start of one sequence to the start of the next."""

    def starts(self, info: VideoInfo) -> list[int]:
        """The first frames of a video's sequences, as far as a look at the video tells."""
        begins = accumulate(info.runs, initial=0)
        return [
            start for begin, num_frames in zip(begins, info.runs, strict=False)
            for start in range(begin, begin + num_frames - self.length + 1, self.stride)
        ]

    def reach(self, infos: list[VideoInfo]) -> int:
        """Frames from the first of a sequence to where another may begin that shares none with it: more than `length`
        where resampling repeats them."""
        return self.length + max(math.ceil(info.fps / info.source_fps - _ROUNDED) for info in infos) - 1

    def num_sequences(self, info: VideoInfo) -> int:
        return len(self.starts(info))


@dataclass(frozen=True)
class Known:
    """The sequences of a video that an interrupted run has left behind."""

    first_frames: frozenset[int]
    is_whole: bool
    """These are all there are in the video, so that nobody need look into it again."""


def known_sequences(
    rows: Iterable[tuple[int, int, bool]], cut: Cut, wanted: Mapping[int, Sequence[int]] | None = None,
) -> dict[int, Known]:
    """What is known of each video, from the video, first_frame and is_last of the sequences at hand.

    wanted: by video the first frames of its sequences, as far as a look at it told; without, one every stride.
    """
    starts: dict[int, set[int]] = {}
    last: dict[int, int] = {}
    for video, first_frame, is_last in rows:
        starts.setdefault(video, set()).add(first_frame)
        if is_last:
            last[video] = first_frame
    known = {}
    for video, found in starts.items():
        there = list((wanted or {}).get(video, [])) or [0]
        rest = range(there[-1], last.get(video, 0) + 1, cut.stride)  # the decoder may have found some more
        is_whole = video in last and found >= {start for start in (*there, *rest) if start <= last[video]}
        known[video] = Known(frozenset(found), is_whole)
    return known


Job = tuple[int, SourceVideo, VideoInfo, Known, Damage | None]
NOTHING_KNOWN = Known(frozenset(), is_whole=False)


def cut_videos(
    videos: list[SourceVideo], infos: list[VideoInfo], cut: Cut, known: dict[int, Known],
    damages: dict[int, Damage] | None = None,
) -> Generator[FrameSequence | UserError, None, None]:
    """Yields the sequences of all videos; where one cannot be read (to its end), the error takes the place of its rest.
    With `damages`, by the place of their video: of these videos alone, which are read on where they are damaged.

    Videos are dealt to lanes, and the lanes take turns sequence by sequence: all of them work at once, also on a few
    long videos, and each is one sequence ahead. Those that are `known`, by the place of their video, come in their
    turn, too, but without frames.
    """
    jobs: list[Job] = [
        (number, videos[number], infos[number], known.get(number, NOTHING_KNOWN),
         None if damages is None else damages[number])
        for number in (range(len(videos)) if damages is None else sorted(damages))
    ]
    num_cores, num_lanes = os.cpu_count() or 1, max(1, min(NUM_LANES, len(jobs)))
    lanes = [_lane(jobs[lane::NUM_LANES], cut, max(1, num_cores // num_lanes)) for lane in range(num_lanes)]
    # Threads suffice: decoding, scaling and unpacking leave Python's lock alone. Processes take longer to start than a
    # few thousand frames to decode.
    pool = ThreadPoolExecutor(min(num_cores, num_lanes))
    try:
        ahead = deque((lane, pool.submit(next, lane, None)) for lane in lanes)
        while ahead:
            lane, future = ahead.popleft()
            item = future.result()
            if item is not None:
                ahead.append((lane, pool.submit(next, lane, None)))
                yield item
    finally:
        pool.shutdown(cancel_futures=True)


def _lane(jobs: list[Job], cut: Cut, num_threads: int) -> Iterator[FrameSequence | UserError]:
    for job in jobs:
        try:
            number, video, info, known, damage = job
            yield from cut_video(number, video, info, known, cut, num_threads, damage)
        except UserError as error:
            yield error


def cut_video(
    number: int, video: SourceVideo, info: VideoInfo, known: Known, cut: Cut, num_threads: int = 1,
    damage: Damage | None = None,
) -> Iterator[FrameSequence]:
    """Yields the sequences of one video. With `damage` it reads on where the video is damaged, counts there, and calls
    no sequence the last one, since such a video has to be looked at again. Raises UnreadableVideo, or UserError for a
    bad truth."""
    if damage is not None:
        yield from _decode(number, video, info, known, cut, num_threads, damage)
        return
    if known.is_whole:
        starts = sorted(known.first_frames)
        yield from (FrameSequence(number, start, None, {}, start == starts[-1]) for start in starts)
        return
    latest = None
    try:
        for sequence in _decode(number, video, info, known, cut, num_threads):
            if latest is not None:
                yield latest
            latest = sequence
    except UserError:
        if latest is not None:
            yield latest
        raise
    if latest is not None:
        yield replace(latest, is_last=True)


def _decode(
    number: int, video: SourceVideo, info: VideoInfo, known: Known, cut: Cut, num_threads: int,
    damage: Damage | None = None,
) -> Iterator[FrameSequence]:
    truth = VideoTruth(video, cut.form, info) if video.truth else None
    taken: deque[tuple[int, np.ndarray]] = deque(maxlen=cut.length)
    leaps: dict[int, float] = {}
    since_gap, previous = 0, -1
    for count, numbered in enumerate(read_frames(video, cut.form, info, num_threads, leaps, damage)):
        if numbered[0] != previous and leaps.get(numbered[0], 0) > 0:
            taken.clear()  # no sequence goes on over a gap
            since_gap = 0
        taken.append(numbered)
        since_gap, previous = since_gap + 1, numbered[0]
        if since_gap >= cut.length and (since_gap - cut.length) % cut.stride == 0:
            first_frame, (indices, frames) = count + 1 - cut.length, zip(*taken, strict=True)
            if first_frame in known.first_frames:
                yield FrameSequence(number, first_frame, None, {}, is_last=False)
            else:
                facts = truth.frames(list(indices)) if truth else {}
                yield FrameSequence(number, first_frame, np.stack(frames), facts, is_last=False)
