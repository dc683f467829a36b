"""Moving digits, made on the fly from pictures of single ones (the idx files of MNIST).

The recipe is that of Srivastava, Mansimov and Salakhutdinov, "Unsupervised learning of video representations using
LSTMs" (ICML 2015), and of their code: each digit starts anywhere, flies off in any direction at a tenth of its range a
frame, comes back from the walls, and where digits meet the brighter pixel wins. (mnist_test_seq.npy, which they
published, holds 10,000 videos made so; it is read as an array.)
"""

import gzip
import re
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.preprocess_params import DigitParams
from pipeline.frames.source_video import SourceVideo, numbered

STEP = 0.1
"""Way per frame, as a share of the range in which a digit's corner moves."""

_NAME = re.compile(r"(idx3-ubyte|\.idx)(\.gz)?$")
MAGIC = bytes([0, 0, 8, 3])
"""Unsigned bytes on three axes, whose lengths follow as big-endian uint32."""
_HEADER = 16


def is_one(path: Path) -> bool:
    return _NAME.search(path.name.lower()) is not None


def find_videos(path: Path, name: str, params: DigitParams, scratch: Path) -> list[SourceVideo]:
    """The videos to be made of the pictures at `path`, an idx file [picture, height, width] that may be packed by gzip.

    Raises UserError when it is not one, or its pictures are larger than the frames.
    """
    unpacked = scratch / f"{len(list(scratch.iterdir()))}.idx"
    pictures = read_pictures(path, unpacked)
    if max(pictures.shape[1:]) > params.frame_px:
        raise UserError(f"{path}: digits of {pictures.shape[2]}x{pictures.shape[1]} px do not fit into frames of "
                        f"{params.frame_px}; raise preprocess.digits.frame_px")
    index = (params.num_frames, params.num_digits, params.frame_px, params.seed)
    return [SourceVideo(video, "digits", unpacked, index) for video in numbered(name, params.num_videos)]


def read_pictures(path: Path, unpacked: Path) -> np.ndarray:
    """uint8 [picture, height, width] of an idx file that may be packed by gzip; they stay on disk, in the file
    `unpacked`. Raises UserError when it is none."""
    try:
        with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as packed, unpacked.open("wb") as file:
            shutil.copyfileobj(packed, file)
        return _pictures(unpacked)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise UserError(f"{path}: wanted pictures of digits (an idx3-ubyte file), cannot be read ({error}); get it "
                        "again") from error


def num_frames(video: SourceVideo) -> int:
    return video.index[0]


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    """Yields frames uint8 [side, side]; they depend on the video's name and the seed alone."""
    num_frames, num_digits, side, seed = video.index
    random = np.random.default_rng([seed, *video.video_id.encode()])
    pictures = _pictures(video.path)
    digits = pictures[random.integers(len(pictures), size=num_digits)]
    height, width = digits.shape[1:]
    place, angle = random.random((num_digits, 2)), random.random(num_digits) * 2 * np.pi
    velocity = STEP * np.stack([np.sin(angle), np.cos(angle)], 1)
    for _ in range(num_frames):
        place = place + velocity
        velocity = np.where((place <= 0) | (place >= 1), -velocity, velocity)
        place = place.clip(0, 1)
        frame = np.zeros((side, side), np.uint8)
        for digit, (y, x) in zip(digits, (place * [side - height, side - width]).astype(int), strict=True):
            window = frame[y : y + height, x : x + width]
            np.maximum(window, digit, out=window)
        yield frame


def _pictures(path: Path) -> np.ndarray:
    """uint8 [picture, height, width], still on disk. Raises ValueError."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if len(header) < _HEADER or header[:4] != MAGIC:
        raise ValueError("its head is another one")
    shape = tuple(np.frombuffer(header, ">u4", 3, 4).tolist())
    if 0 in shape or np.prod(shape, dtype=object) != path.stat().st_size - _HEADER:
        raise ValueError(f"{path.stat().st_size - _HEADER} bytes for pictures of shape {list(shape)}")
    return np.memmap(path, np.uint8, "r", _HEADER, shape)
