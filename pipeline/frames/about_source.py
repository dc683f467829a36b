"""What stores say of the videos that they come from: to find a frame, or a place in it, in the source again."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, shown_shape
from pipeline.frames.source_video import SourceVideo

_CROPS = {
    "center": "center: scaled until the frame is covered, then cut off at both sides alike",
    "none": "none: squeezed into the frame",
}


def about_source(videos: Sequence[SourceVideo], infos: Sequence[VideoInfo], form: FrameFormat) -> dict[str, str]:
    """Attributes of stores (see frame_store.ABOUT) whose frames were cut from these videos. Raises UnreadableVideo."""
    # Videos in one file are alike, and their first frames far apart.
    one_of_file = list({video.path: video for video in videos}.values())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        shapes = pool.map(partial(shown_shape, conceals=True), one_of_file)
        heights, widths = zip(*shapes, strict=True)
    resampled = (f"frame i of a video is what its source shows at i / {form.fps:g} s" if form.fps else
                 "frame i of a video is frame i of its source")
    return {
        "source_height": _range(heights, "px"), "source_width": _range(widths, "px"),
        "source_fps": _range([info.source_fps for info in infos], "frames/s"),
        "source_crop": _CROPS[form.crop], "source_frames": f"{resampled}, both counted from 0",
    }


def _range(values: Sequence[float], unit: str) -> str:
    """One number, or the least and the most of several."""
    low, high = f"{min(values):g}", f"{max(values):g}"
    return f"{low} {unit}" if low == high else f"{low} to {high} {unit}"
