"""Tracks as the MOT challenge (MOT16) has them: a text file for each video, no header, in each line

    frame, id, left, top, width, height, conf, x, y, z

where frame, id, left and top count from 1, as the challenge's rules say (the table counts frames and pixels from 0),
conf is the visibility, and x, y, z, places in the world that nobody knows, are -1.

A frame that several sequences show is that of the first one. What does not show has no line. Samples of a forecast,
which the format does not know, are a file each; the observed frames are in all of them.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

from pipeline.tracks_export.clips import Clip
from pipeline.tracks_export.points import Point
from pipeline.write_file import file_to_write


def mot_files(path: Path, videos: list[str], samples: list[int]) -> dict[tuple[str, int], Path]:
    """The file of each video and sample: `path` if there is but one; else in a folder of its name VIDEO.txt, without
    the video's suffix where that tells it from the others, or VIDEO_sample_S.txt."""
    if len(videos) == len(samples) == 1:
        return {(videos[0], samples[0]): path}
    short = [Path(video).with_suffix("").as_posix() for video in videos]
    stems = [name if short.count(name) == 1 else video for name, video in zip(short, videos, strict=True)]
    return {
        (video, sample): path.with_suffix("") / f"{stem}{f'_sample_{sample}' if len(samples) > 1 else ''}.txt"
        for video, stem in zip(videos, stems, strict=True) for sample in samples
    }


def write_mot(
    files: dict[tuple[str, int], Path], samples: list[int], found: Iterable[tuple[Clip, list[Point]]],
) -> None:
    """Writes each file in one step; `found`: video by video. Raises CannotWrite when the system refuses."""
    video, open_files = None, dict[int, BinaryIO]()
    with ExitStack() as stack:
        for clip, points in found:
            if clip.video != video:
                stack.pop_all().close()
                video = clip.video
                open_files = {s: stack.enter_context(file_to_write(files[video, s])) for s in samples}
            for sample, file in open_files.items():
                file.writelines(line.encode() for line in _lines(clip, points, sample))


def _lines(clip: Clip, points: list[Point], sample: int) -> Iterator[str]:
    for point in points:
        if clip.is_new[point.t] and point.box is not None and point.sample in (None, sample):
            left, top, width, height = point.box
            yield (f"{clip.frame[point.t] + 1},{point.number},{left + 1:.2f},{top + 1:.2f},{width:.2f},{height:.2f},"
                   f"{point.visibility:.3f},-1,-1,-1\n")
