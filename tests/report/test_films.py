import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.report.films import WIDEST, film


def sheet(made) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(made.uri.partition(",")[2]))).convert("RGB"))


@pytest.mark.parametrize("num_frames", [1, 2, 5, 9, 20])
def test_every_frame_has_its_place(num_frames):
    frames = np.random.default_rng(0).integers(0, 256, (num_frames, 6, 8, 3), dtype=np.uint8)
    made = film(frames, lossless=True)
    assert made.num_frames == num_frames <= made.columns * made.rows
    for t, frame in enumerate(frames):
        y, x = t // made.columns * 6, t % made.columns * 8
        assert (sheet(made)[y:y + 6, x:x + 8] == frame).all()


def test_pictures_keep_their_look_and_grey_ones_too():
    x = np.linspace(0, 255, 64)
    frames = np.stack([np.roll(np.add.outer(x, x) / 2, t, 1) for t in range(9)])[..., None].astype(np.uint8)
    shown = sheet(film(frames)).reshape(3, 64, 3, 64, 3).swapaxes(1, 2).reshape(9, 64, 64, 3)
    assert np.abs(shown.astype(float) - frames).mean() < 4


def test_large_frames_are_made_smaller():
    frames = np.full((2, 100, 2 * WIDEST + 10, 3), 77, np.uint8)
    made = film(frames, lossless=True)
    assert made.width <= WIDEST and made.height == 33 and (sheet(made) == 77).all()
