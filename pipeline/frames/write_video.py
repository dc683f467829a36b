"""Writes frames as a video file or as an animated picture; equal frames give equal bytes."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from PIL import Image

from pipeline.errors import writing

MAX_FPS_DENOMINATOR = 100_000
GIF_COLORS = 256
_H264 = {"crf": "16", "preset": "medium", "x264-params": "mbtree=0"}


def write_video(path: Path, frames: Iterable[np.ndarray], fps: float, lossless: bool = False) -> None:
    """Writes frames uint8 [H, W, C] (C is 1 or 3), an array of them or one after the other, at `fps` frames per second;
    the suffix names the container.

    Lossless: FFV1 in RGB, bit-exact (give it a .mkv). Otherwise H.264 4:2:0 that every player shows (.mp4); an odd
    height or width is then made even by repeating the last line.
    """
    # Bitexact keeps random identifiers, versions and dates out of the file; more threads would change its bytes, and so
    # does x264's macroblock tree: with AVX-512 it makes use of memory that nobody has written.
    with writing(path), av.open(f"file:{path}", "w", options={"fflags": "+bitexact"}) as container:
        rate = Fraction(fps).limit_denominator(MAX_FPS_DENOMINATOR)
        stream = container.add_stream("ffv1" if lossless else "libx264", rate=rate)
        stream.pix_fmt = "bgr0" if lossless else "yuv420p"
        stream.codec_context.thread_count = 1
        stream.options = {"flags": "+bitexact", **({"slices": "4"} if lossless else _H264)}
        for number, frame in enumerate(frames):
            shown = _rgb(frame[None])[0]
            if not lossless:
                shown = np.pad(shown, ((0, shown.shape[0] % 2), (0, shown.shape[1] % 2), (0, 0)), mode="edge")
            if not number:
                stream.height, stream.width = shown.shape[:2]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(shown, format="rgb24")))
        container.mux(stream.encode(None))


def write_animation(path: Path, frames: np.ndarray, fps: float) -> None:
    """Writes frames uint8 [T, H, W, C] (C is 1 or 3) as an endlessly repeated .gif or lossless .webp.

    A GIF counts time in hundredths of a second; all its frames share one palette of 256 colours, so nothing flickers.
    """
    pictures = [Image.fromarray(frame) for frame in _rgb(frames)]
    duration = max(1, round(100 / fps)) * 10
    options: dict[str, Any] = {"save_all": True, "append_images": None, "duration": duration, "loop": 0}
    if path.suffix == ".gif":
        # The palette comes from all frames stacked, each thinned out to keep this cheap.
        sample = Image.fromarray(np.concatenate([frame[::2, ::2] for frame in _rgb(frames)]))
        palette = sample.quantize(GIF_COLORS, method=Image.Quantize.MEDIANCUT)
        pictures = [picture.quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    else:
        options |= {"lossless": True}
    options["append_images"] = pictures[1:]
    with writing(path):
        pictures[0].save(path, **options)


def _rgb(frames: np.ndarray) -> np.ndarray:
    assert frames.dtype == np.uint8 and frames.ndim == 4 and frames.shape[3] in (1, 3), f"{frames.dtype} {frames.shape}"
    return np.ascontiguousarray(np.broadcast_to(frames, (*frames.shape[:3], 3)))
