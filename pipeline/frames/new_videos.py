"""Videos that a model has not learned from, brought to the form of those that it has: size, crop, colour, rate."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from pipeline.errors import CannotWrite, UserError
from pipeline.frames import array_source, digit_source, hdf5_source, tfrecord_source
from pipeline.frames.damage import UnreadableVideo
from pipeline.frames.frame_format import ALIKE_FPS, FrameFormat
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.read_video import VideoInfo, probe, shown_shape
from pipeline.frames.shape_pixels import covering_shape
from pipeline.frames.source import VIDEO_SUFFIXES, Source, not_there, open_source
from pipeline.frames.source_video import SourceVideo
from pipeline.params import load, validate
from pipeline.progress import progress

_KNOWN_SUFFIXES = (*VIDEO_SUFFIXES, *array_source.SUFFIXES, *hdf5_source.SUFFIXES)


@dataclass(frozen=True)
class NewVideo:
    """A video and the form that it is brought to."""

    video: SourceVideo
    form: FrameFormat
    """fps null: all of its frames as they are."""
    info: VideoInfo
    done: str
    """What is done to its frames, in a few words."""


def reading_of(params: Path) -> PreprocessParams:
    """How preprocess reads files, as the parameters say. No stage of the pipeline asks this, only who gives videos to a
    command. Raises UserError when the section is missing or wrong."""
    document = load(params)
    if not isinstance(document, dict) or "preprocess" not in document:
        raise UserError(f"{params}: section 'preprocess' is missing, which says how videos are read")
    return validate(params, document["preprocess"], PreprocessParams, ("preprocess",))


@contextmanager
def open_videos(paths: list[Path], reading: PreprocessParams) -> Iterator[Source]:
    """Finds the videos at `paths` (each whatever preprocess.source may be, or any file that FFmpeg knows) and reads
    these as `reading` says, whose own source and form do not matter. Of several paths, names of videos are relative to
    the folder in which all of them lie.

    Raises UserError when there is nothing to read at one of them.
    """
    paths = [path.expanduser() for path in paths]
    places = [Path(os.path.abspath(path)) for path in paths]  # as they are called, not where links lead
    common = Path(os.path.commonpath([place.parent for place in places]))
    found: dict[str, SourceVideo] = {}
    files: dict[str, Path] = {}
    with ExitStack() as stack:
        for path, place in zip(paths, places, strict=True):
            source = stack.enter_context(_open(path, reading))
            if len(paths) > 1:
                folder = (place if path.is_dir() else place.parent).relative_to(common)
                source = _within(source, path, folder)
            for video in source.videos:
                if video.video_id in found:
                    print(f"left out: '{video.video_id}' is given twice", file=sys.stderr)
                found.setdefault(video.video_id, replace(video, truth=None))
            files |= source.files
        yield Source(list(found.values()), files)


@contextmanager
def _open(path: Path, reading: PreprocessParams) -> Iterator[Source]:
    if not path.is_file() and not path.is_dir():
        raise UserError(f"{not_there(path)}; give a video, a folder of pictures or a folder of videos")
    is_known = path.suffix.lower() in _KNOWN_SUFFIXES or tfrecord_source.is_one(path) or digit_source.is_one(path)
    if path.is_file() and not is_known:  # FFmpeg knows more kinds than those that are looked for in folders
        yield Source([SourceVideo(path.name, "file", path)], {path.name: path})
        return
    with open_source(path, *reading.reading, named="the path") as source:
        yield source


def _within(source: Source, path: Path, folder: Path) -> Source:
    """The source at `path` with the folder before every name; pictures right in it have its name already."""
    def name(video: SourceVideo) -> str:
        return ((folder.parent if video.path == path and path.is_dir() else folder) / video.video_id).as_posix()

    videos = [replace(video, video_id=name(video)) for video in source.videos]
    return Source(videos, {(folder / name).as_posix(): file for name, file in source.files.items()})


def bring(video: SourceVideo, wanted: FrameFormat, conceals: bool = False) -> NewVideo:
    """Looks at a video and decides how to bring it to `wanted`, whose fps is null where the model does not know the
    rate of what it learned from.

    The video is resampled unless nothing says its rate, or the rates are alike, as preprocess means it, and its clock
    does not leap. conceals: as in probe. Raises UnreadableVideo.
    """
    info, (height, width) = probe(video, wanted, conceals), shown_shape(video, conceals)
    form, rate = wanted, f"{info.source_fps:g} -> {info.fps:g} frames/s"
    if wanted.fps is None:
        rate = "frames as they are: nothing says at what rate the model learned"
    elif not info.rate_is_known:
        form, rate = wanted.model_copy(update={"fps": None}), f"no rate of its own, taken as {wanted.fps:g} frames/s"
    elif abs(info.source_fps - wanted.fps) <= ALIKE_FPS * wanted.fps and not info.leaps:
        form, rate = wanted.model_copy(update={"fps": None}), f"{info.source_fps:g} frames/s as they are"
    elif info.source_fps < wanted.fps:
        rate += ", frames repeated"
    if form != wanted:
        info = probe(video, form, conceals)
    size = f"{width} x {height} -> {form.width} x {form.height} px"
    parts = [size, _cut(height, width, form), rate, _leaps(info)]
    return NewVideo(video, form, info, ", ".join(part for part in parts if part))


def bring_all(videos: list[SourceVideo], wanted: FrameFormat, conceals: bool = False) -> list[NewVideo]:
    """All videos that can be decoded; the others are named on stderr. conceals: as in probe. Raises UserError when none
    can."""
    brought = []
    with progress("looking at", len(videos), "videos") as advance:
        for video in videos:
            try:
                brought.append(bring(video, wanted, conceals))
            except UnreadableVideo as error:
                skip(error)
            advance()
    if not brought:
        raise UserError(f"none of the {len(videos)} videos can be decoded; give others")
    return brought


def each_of(videos: list[SourceVideo], done: str, work: Callable[[SourceVideo, str], None]) -> int:
    """Calls work(video, name) for every video, the name as `folder_names` says, and returns of how many it was done.
    Videos that it cannot be done with are named on stderr. Raises UserError when these are all, "could be `done`", and
    CannotWrite at once."""
    failed = 0
    for video, name in zip(videos, folder_names(videos), strict=True):
        try:
            work(video, name)
        except CannotWrite:
            raise
        except UserError as error:
            failed += 1
            skip(error)
    if failed == len(videos):
        raise UserError(f"none of the {failed} videos could be {done}; give others")
    return len(videos) - failed


def folder_names(videos: list[SourceVideo]) -> list[str]:
    """A folder for each video to write into: its name without the suffix where that tells it from the others."""
    short = [Path(video.video_id).with_suffix("").as_posix() for video in videos]
    return [name if short.count(name) == 1 else video.video_id for name, video in zip(short, videos, strict=True)]


def skip(error: UserError) -> None:
    """Says that a video is left out, and why."""
    text = str(error)
    if isinstance(error, UnreadableVideo):
        text = f"video '{error.video_id}' cannot be decoded ({error.reason})"
    print(f"skipped: {text}", file=sys.stderr)


def _leaps(info: VideoInfo) -> str:
    gaps = sum(seconds > 0 for _, seconds in info.leaps)
    texts = [f"{gaps} gap{'s' * (gaps > 1)} in its time stamps"] if gaps else []
    return ", ".join([*texts, *(["its clock starts again"] if gaps < len(info.leaps) else [])])


def _cut(height: int, width: int, form: FrameFormat) -> str:
    """What becomes of the edges of a frame height x width, px, and of its colours."""
    scaled_height, scaled_width, *_ = covering_shape(height, width, form.model_copy(update={"crop": "center"}))
    changes = []
    if (scaled_height, scaled_width) != (form.height, form.width):
        sides = "sides" if scaled_width > form.width else "top and bottom"
        changes.append(f"{sides} cut off" if form.crop == "center" else "squeezed")
    return ", ".join([*changes, *(["in grey"] if form.num_channels == 1 else [])])
