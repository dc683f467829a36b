"""Brings decoded frames to one shape.

Resizing averages over the area that a pixel covers (swscale's area filter for video files, Pillow's box filter for
pictures and arrays); enlarging interpolates linearly. Cropping "center" scales the frame until it covers the wanted
shape, keeping its proportions to the nearest pixel, and cuts off what juts out on both sides alike; "none" keeps
everything and changes the proportions. Pixels that a video file calls wider than high are shown so.
"""

from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation
from PIL import Image

from pipeline.frames import video_file
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.picture_file import open_picture

Undecoded = av.VideoFrame | Path | np.ndarray
"""A frame as its source has it."""


def covering_shape(height: float, width: float, form: FrameFormat) -> tuple[int, int, int, int]:
    """Returns the scaled height and width of a frame, and how many rows and columns are then cut off at top and
    left."""
    if form.crop == "none":
        return form.height, form.width, 0, 0
    scale = max(form.height / height, form.width / width)
    scaled = max(form.height, round(height * scale)), max(form.width, round(width * scale))
    return *scaled, (scaled[0] - form.height) // 2, (scaled[1] - form.width) // 2


def shape_frame(frame: Undecoded, form: FrameFormat, pixel_aspect: float) -> np.ndarray:
    """Brings one frame into the wanted form, uint8 [height, width, channel]."""
    if isinstance(frame, av.VideoFrame):
        return _finish(_scale_decoded(frame, form, pixel_aspect), form, form.num_channels)
    return shape_pixels(open_picture(frame) if isinstance(frame, Path) else frame, form, form.num_channels)


def _quarter_turns(frame: av.VideoFrame) -> int:
    """How the camera was held, counter-clockwise."""
    return round(frame.rotation / 90) % 4


def pixel_aspect_of(frame: av.VideoFrame, path: Path) -> float:
    """How many times as wide as high the pixels of a video file's frame are shown."""
    aspect = video_file.pixel_aspect(path)
    return 1 / aspect if _quarter_turns(frame) % 2 else aspect


def size_shown(frame: av.VideoFrame, pixel_aspect: float) -> tuple[int, int]:
    """Height and width of a decoded frame as it is shown, px."""
    height, width = (frame.width, frame.height) if _quarter_turns(frame) % 2 else (frame.height, frame.width)
    return height, max(1, round(width * pixel_aspect))


def _scale_decoded(frame: av.VideoFrame, form: FrameFormat, pixel_aspect: float) -> np.ndarray:
    quarter_turns = _quarter_turns(frame)
    height, width = covering_shape(*size_shown(frame, pixel_aspect), form)[:2]
    height, width = (width, height) if quarter_turns % 2 else (height, width)
    # One thread: swscale's own threads cost more than they bring at these sizes.
    scaled = frame.reformat(width, height, "rgb24", interpolation=Interpolation.AREA, threads=1)
    return np.rot90(scaled.to_ndarray(), quarter_turns)


def shape_pixels(
    pixels: np.ndarray, form: FrameFormat, num_channels: int, nearest: bool = False, pixel_aspect: float = 1.0,
) -> np.ndarray:
    """Brings uint8 [h, w] or [h, w, 1 or 3] into the form [height, width, num_channels]; `nearest` mixes no values;
    pixel_aspect: as in VideoInfo."""
    height, width = covering_shape(pixels.shape[0], pixels.shape[1] * pixel_aspect, form)[:2]
    if (height, width) != pixels.shape[:2]:
        shrinks = height * width < pixels.shape[0] * pixels.shape[1]
        method = Image.Resampling.NEAREST if nearest else Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
        picture = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
        pixels = np.asarray(picture.resize((width, height), method))
    return _finish(pixels, form, num_channels)


def _finish(pixels: np.ndarray, form: FrameFormat, num_channels: int) -> np.ndarray:
    """Cuts scaled pixels to the wanted shape and gives them their channels; grey is the luma of ITU-R BT.601."""
    top, left = covering_shape(pixels.shape[0], pixels.shape[1], form)[2:]
    pixels = pixels[top : top + form.height, left : left + form.width]
    if pixels.shape[2:] == (3,) and num_channels == 1:
        pixels = np.asarray(Image.fromarray(pixels).convert("L"))
    pixels = pixels.reshape(form.height, form.width, -1)
    return pixels if pixels.shape[2] == num_channels else np.repeat(pixels, num_channels, axis=2)
