"""Grids of tiles: every pixel at its place, enlarged by a whole factor, equal bytes for equal tiles."""

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.grid import CONTEXT, FORECAST, Tile, draw_grid, write_png


@pytest.fixture
def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 250, (64, 64, 3), dtype=np.uint8)


def place_of(drawing: np.ndarray, picture: np.ndarray, scale: int) -> tuple[int, int]:
    """Where the picture, enlarged by `scale` without any smoothing, lies in the drawing."""
    enlarged = np.kron(picture, np.ones((scale, scale, 1), dtype=np.uint8))
    height, width = enlarged.shape[:2]
    for y, x in np.argwhere((drawing[:-height, :-width] == enlarged[0, 0]).all(2)):
        if (drawing[y:y + height, x:x + width] == enlarged).all():
            return int(y), int(x)
    raise AssertionError(f"not in the drawing at {scale} times its size")


def test_tiles_are_enlarged_three_times_and_framed_in_their_color(picture):
    other = picture[::-1].copy()
    drawing = draw_grid([[Tile(picture, "given", CONTEXT), Tile(other, "step 1", FORECAST)]], title="a title")
    (y, x), (other_y, other_x) = place_of(drawing, picture, 3), place_of(drawing, other, 3)
    assert y == other_y and other_x >= x + 3 * 64
    assert tuple(drawing[y - 1, x]) == CONTEXT and tuple(drawing[other_y + 3 * 64, other_x]) == FORECAST
    assert (drawing[:y - 3] < 128).any(), "no text above the tiles"


def test_size_is_even_and_does_not_depend_on_the_title(picture):
    tiles = [[Tile(picture[:61, :63])], [Tile(picture[:61, :63])]]
    short, long = (draw_grid(tiles, ["row", "another row"], title) for title in ("a", "b" * 500))
    assert short.shape == long.shape and short.shape[0] % 2 == 0 and short.shape[1] % 2 == 0


@pytest.mark.parametrize(("side", "scale"), [(32, 6), (64, 3), (128, 2), (200, 1)])
def test_small_pictures_are_enlarged_more(side, scale):
    tile = Tile(np.random.default_rng(1).integers(1, 250, (side, side, 3), dtype=np.uint8))
    place_of(draw_grid([[tile]]), tile.picture, scale)


def test_grey_pictures_are_drawn_grey():
    grey = np.random.default_rng(2).integers(1, 250, (64, 64, 1), dtype=np.uint8)
    place_of(draw_grid([[Tile(grey)]]), grey.repeat(3, 2), 3)


def test_files_are_exact_and_free_of_metadata(picture, tmp_path):
    drawing = draw_grid([[Tile(picture, "frame")]])
    for name in ("one.png", "two.png"):
        write_png(tmp_path / name, drawing)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        np.testing.assert_array_equal(np.asarray(image), drawing)
        assert image.info == {}
