"""A first look at every video of a source: which can be used, at what rate, how long."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pipeline.errors import UserError
from pipeline.frames.damage import DamagedVideos, OnDamage, UnreadableVideo, say_damaged
from pipeline.frames.frame_format import ALIKE_FPS
from pipeline.frames.read_video import VideoInfo, probe
from pipeline.frames.sequences import Cut
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.truth import NAMES, count_objects, held
from pipeline.frames.video_file import cut_off
from pipeline.progress import progress

_SAME_FPS = 1e-3
"""Share by which rates may differ without a word; up to ALIKE_FPS it is said."""


@dataclass(frozen=True)
class Survey:
    """The usable videos of a source, in their order."""

    videos: list[SourceVideo]
    infos: list[VideoInfo]
    num_objects: int | None
    """The most true objects in any video; None without ground truth."""
    truth_names: tuple[str, ...]
    """The arrays of ground truth that all videos have."""
    damaged: dict[str, str]
    """Why videos cannot be decoded, or not to their end, as far as a look tells, by the videos' names; also those that
    are left out for it."""

    @property
    def fps(self) -> float:
        return self.infos[0].fps

    @property
    def knows_rate(self) -> bool:
        """Whether any video says its rate."""
        return any(info.rate_is_known for info in self.infos)

    def without(self, names: set[str]) -> "Survey":
        """This survey without the videos of these names."""
        rest = [pair for pair in zip(self.videos, self.infos, strict=True) if pair[0].video_id not in names]
        return replace(self, videos=[video for video, _ in rest], infos=[info for _, info in rest])


def survey(videos: list[SourceVideo], cut: Cut, on_damage: OnDamage) -> Survey:
    """Looks at all videos; leaves out, and says so, those that cannot be decoded at all and those too short. Names
    those that cannot be decoded to their end, as far as a look tells.

    Raises DamagedVideos when no other is left (nor may they be skipped), UserError when none is long enough, they
    differ in fps, or only some have truth.
    """
    usable, too_short, damaged = [], [], {}
    looked_at: list[tuple[SourceVideo, VideoInfo]] = []
    with progress("looking at", len(videos), "videos") as advance, ThreadPoolExecutor(os.cpu_count()) as pool:
        for video, found in zip(videos, pool.map(lambda video: _look(video, cut), videos), strict=True):
            advance()
            if isinstance(found, UnreadableVideo):
                damaged[video.video_id] = found.reason
                say_damaged(video.video_id, found.reason, on_damage, is_playable=False)
                continue
            if reason := found[0].damage or (found[0].missing_bytes and cut_off(found[0].missing_bytes)):
                damaged[video.video_id] = reason
                say_damaged(video.video_id, reason, on_damage, is_playable=True)
            looked_at.append((video, found[0]))
            if cut.num_sequences(found[0]):
                usable.append((video, *found))
            else:
                too_short.append((video, found[0]))
    _name_leaps(looked_at)
    if too_short:
        video, info = too_short[0]
        lengths = f"{len(too_short)} videos are shorter than preprocess.sequence_length = {cut.length} frames, such as "
        lengths += f"'{video.video_id}' with {max(info.runs)}{' from gap to gap' * (len(info.runs) > 1)}"
        if not usable:
            raise UserError(f"{lengths}; no other is left, make sequences shorter")
        print(f"left out: {lengths}", file=sys.stderr)
    if not usable and on_damage == "stop":
        raise DamagedVideos(damaged)
    if not usable:
        raise UserError(f"none of the {len(videos)} videos of the source can be decoded; check preprocess.source")
    kept, infos, objects, names = map(list, zip(*usable, strict=True))
    _compare_rates(kept, infos)
    without = [video.video_id for video, count in zip(kept, objects, strict=True) if count is None]
    if without and len(without) < len(kept):
        lacking = f"{len(without)} of {len(kept)} videos lack ground truth, such as '{without[0]}'"
        raise UserError(f"{lacking}; add NAME.truth.npz beside them or remove the others'")
    shared, some = set.intersection(*names), set.union(*names)
    if shared != some:
        print(f"left out: ground truth that some videos lack, {', '.join(sorted(some - shared))}", file=sys.stderr)
    return Survey(
        kept, infos, None if without else max(objects), tuple(name for name in NAMES if name in shared), damaged)


def _compare_rates(videos: list[SourceVideo], infos: list[VideoInfo]) -> None:
    rates = [info.fps for info in infos]
    for video, rate in zip(videos, rates, strict=True):
        if abs(rate - rates[0]) > ALIKE_FPS * rate:
            raise UserError(
                f"videos differ in frames per second ('{videos[0].video_id}' {rates[0]:g}, '{video.video_id}' "
                f"{rate:g}); set preprocess.fps to what all are to have"
            )
    if max(rates) - min(rates) > _SAME_FPS * rates[0]:
        print(f"taken as alike: {min(rates):g} to {max(rates):g} frames per second, as {rates[0]:g}", file=sys.stderr)


def _name_leaps(looked_at: list[tuple[SourceVideo, VideoInfo]]) -> None:
    leaps = [(video, *leap) for video, info in looked_at for leap in info.leaps]
    gaps, restarts = [leap for leap in leaps if leap[2] > 0], [leap for leap in leaps if leap[2] < 0]
    if gaps:
        video, frame, seconds = gaps[0]
        where = f"'{video.video_id}' of {seconds:.6g} s before frame {frame}"
        print(f"gaps in time stamps: {len(gaps)}, such as in {where}; a sequence ends there", file=sys.stderr)
    if restarts:
        where = f"'{restarts[0][0].video_id}' at frame {restarts[0][1]}"
        print(f"clocks that start again: {len(restarts)}, such as in {where}; time goes on", file=sys.stderr)


def _look(video: SourceVideo, cut: Cut) -> tuple[VideoInfo, int | None, set[str]] | UnreadableVideo:
    """The error: nothing can be made of it, not even by guessing."""
    try:
        info = probe(video, cut.form)
    except UnreadableVideo as error:
        try:
            info = replace(probe(video, cut.form, conceals=True), damage=error.reason)
        except UnreadableVideo:
            return error
    return info, count_objects(video), held(video)
