"""What stores say of the videos that they come from: to find a frame, or a place in it, in the source again.

`source_view` reads it. The texts are for people. They do not say all where videos differ, or where a rate or a gap in a
clock takes more digits than a text has; then SOURCE_GROUPS says it for every video.
"""

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.frame_store import SOURCE_GROUPS
from pipeline.frames.read_video import VideoInfo, shown_shape
from pipeline.frames.source_video import SourceVideo

_CROPS = {
    "center": "center: scaled until the frame is covered, then cut off at both sides alike",
    "none": "none: squeezed into the frame",
}


def about_source(videos: Sequence[SourceVideo], infos: Sequence[VideoInfo], form: FrameFormat) -> dict[str, str]:
    """Attributes of stores (see frame_store.ABOUT) whose frames were cut from these videos. Raises UnreadableVideo."""
    # Videos in one file are alike, and their first frames far apart.
    one_of_file = {video.path: video for video in videos}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shapes = pool.map(partial(shown_shape, conceals=True), one_of_file.values())
        shape_of = dict(zip(one_of_file, shapes, strict=True))
    heights, widths = zip(*shape_of.values(), strict=True)
    # a video of a rate so near to the wanted one that its frames were taken as they are is not resampled
    is_resampled = form.fps is not None and any(info.fps == form.fps for info in infos)
    resampled = (f"frame i of a video is what its source shows at i / {form.fps:g} s" if is_resampled else
                 "frame i of a video is frame i of its source")
    about = {
        "source_height": _range(heights, "px"), "source_width": _range(widths, "px"),
        "source_fps": _range([info.source_fps for info in infos], "frames/s"),
        "source_crop": _CROPS[form.crop], "source_frames": f"{resampled}, both counted from 0",
    }
    groups: dict[tuple, list[str]] = {}
    for video, info in zip(videos, infos, strict=True):
        gaps = tuple((frame, seconds) for frame, seconds in info.leaps if seconds > 0)
        groups.setdefault((*shape_of[video.path], info.source_fps, info.fps, gaps), []).append(video.video_id)
    (_, _, source_fps, fps, gaps), *others = groups
    if others or gaps or float(f"{source_fps:g}") != source_fps or fps != (form.fps or source_fps):
        names = ("height", "width", "fps", "stored_fps", "gaps")
        entries: list[dict] = [dict(zip(names, group, strict=True)) for group in groups]
        for entry, members in zip(entries, groups.values(), strict=True):
            entry |= {"videos": members} if others else {}
        about[SOURCE_GROUPS] = json.dumps(entries)
    return about


def _range(values: Sequence[float], unit: str) -> str:
    """One number, or the least and the most of several."""
    low, high = f"{min(values):g}", f"{max(values):g}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
