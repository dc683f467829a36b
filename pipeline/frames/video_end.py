"""The end of one video: what a forecast of it starts from."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.picture_kinds import naming, patterns
from pipeline.frames.read_video import probe, read_frames
from pipeline.frames.source_video import SourceVideo, pictures_in

FPS_IF_UNKNOWN = 10.0
"""Frames per second of a folder of pictures."""


@dataclass(frozen=True)
class VideoEnd:
    """The last frames of a video, uint8 [T, H, W, C]; first_frame is where they start."""

    frames: np.ndarray
    first_frame: int
    fps: float


def read_end(path: Path, shape: tuple[int, int, int], num_frames: int) -> VideoEnd:
    """Reads the last num_frames of a video file or of a folder of pictures, at its own rate, scaled and cut at the
    sides to `shape` (height, width, channels).

    Raises UserError when it is not there, cannot be decoded, is shorter, or is a folder of several kinds of pictures.
    """
    form = FrameFormat(
        height=shape[0], width=shape[1], crop="center", color="gray" if shape[2] == 1 else "rgb", fps=None,
        fps_if_unknown=FPS_IF_UNKNOWN,
    )
    if not path.is_file() and not path.is_dir():
        raise UserError(f"{path}: does not exist; give a video file or a folder of pictures")
    kinds = patterns(file.name for file in pictures_in(path)) if path.is_dir() else []
    if len(kinds) > 1:
        raise UserError(
            f"{path}: wanted pictures of one video, whose names differ in their number only, found {naming(kinds)}; "
            "give a folder that holds one of these"
        )
    video = SourceVideo(path.name, "pictures" if path.is_dir() else "file", path)
    info = probe(video, form)
    count, last = 0, deque[np.ndarray](maxlen=num_frames)
    for _, frame in read_frames(video, form, info):
        last.append(frame)
        count += 1
    if count < num_frames:
        raise UserError(
            f"{path}: wanted at least {num_frames} frames of context, found {count} at {info.fps:g} frames/s; "
            "give a longer video or set generate.context_frames lower"
        )
    return VideoEnd(np.stack(last), count - num_frames, info.fps)
