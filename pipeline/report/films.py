"""Short films inside a page: all frames of a tile on one sprite sheet, as a data URI.

Legend: T frames, C channels, H W px.
"""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipeline.pictures.grid import PICTURE_PX, enlargement

_QUALITY = 92
"""Quality of lossy WebP, at which noise as fine as a pixel keeps its look."""


@dataclass(frozen=True)
class Film:
    """A sprite sheet of T frames in `columns` x `rows`, in reading order."""

    uri: str
    num_frames: int
    columns: int
    rows: int
    width: int
    height: int

    @property
    def shown_width(self) -> int:
        """px at which the film is to play: a whole multiple, so that a pixel stays a square."""
        return self.width * enlargement(self.height, self.width)


def film(frames: np.ndarray, lossless: bool = False) -> Film:
    """frames uint8 [T, H, W, 1 or 3]; lossless suits flat colours. The same frames give the same bytes."""
    frames = np.broadcast_to(_reduced(frames), (*_reduced(frames).shape[:3], 3))
    num_frames, height, width = frames.shape[:3]
    columns = int(np.ceil(np.sqrt(num_frames)))
    rows = -(-num_frames // columns)
    padded = np.concatenate([frames, np.repeat(frames[-1:], columns * rows - num_frames, 0)])
    sheet = padded.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(rows * height, columns * width, 3)
    stream = io.BytesIO()
    Image.fromarray(sheet).save(stream, "WEBP", lossless=lossless, quality=100 if lossless else _QUALITY, method=4)
    uri = "data:image/webp;base64," + base64.b64encode(stream.getvalue()).decode()
    return Film(uri, num_frames, columns, rows, width, height)


def _reduced(frames: np.ndarray) -> np.ndarray:
    """Averages blocks of pixels as long as the longer side keeps PICTURE_PX; a rest at the right and lower edge is cut
    off."""
    factor = max(frames.shape[1:3]) // PICTURE_PX
    if factor <= 1:
        return frames
    height, width = (length // factor * factor for length in frames.shape[1:3])
    blocks = frames[:, :height, :width].reshape(
        len(frames), height // factor, factor, width // factor, factor, frames.shape[3]
    )
    return blocks.mean((2, 4)).round().astype(np.uint8)
