"""Reads one picture file as a frame."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def open_picture(file: Path) -> np.ndarray:
    """uint8 [h, w, 3], as it is shown. Raises what Pillow does, and ValueError for several pictures or floating point
    numbers."""
    with Image.open(file) as picture:
        if (count := getattr(picture, "n_frames", 1)) > 1:
            raise ValueError(f"'{file.name}' holds {count} pictures, wanted one; save each as a file of its own")
        return _rgb(ImageOps.exif_transpose(picture))


def _rgb(picture: Image.Image) -> np.ndarray:
    """uint8 [h, w, 3]. Pillow would cut 16 bits off at 255; transparent places are shown on black."""
    if picture.mode == "F":
        raise ValueError("a picture holds floating point numbers, wanted 8 or 16 bits a sample")
    if picture.mode.startswith("I"):
        picture = Image.fromarray((np.asarray(picture).clip(0, 65535) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, (0, 0, 0, 255)), picture.convert("RGBA"))
    return np.asarray(picture.convert("RGB"))
