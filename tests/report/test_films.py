import base64
import io

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.grid import PICTURE_PX
from pipeline.report.films import film


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
    frames = np.full((2, 100, 2 * PICTURE_PX + 11, 3), 77, np.uint8)
    made = film(frames, lossless=True)
    assert (made.width, made.height) == (PICTURE_PX + 5, 50) and (sheet(made) == 77).all()


@pytest.mark.parametrize(("height", "width", "shown"), [(48, 64, 256), (96, 128, 256), (128, 96, 192), (240, 320, 320),
                                                        (480, 640, 320)])
def test_films_play_at_a_whole_multiple_of_their_pixels(height, width, shown):
    assert film(np.zeros((2, height, width, 3), np.uint8)).shown_width == shown
