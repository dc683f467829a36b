"""Grids of tiles: every pixel at its place, enlarged by a whole factor, equal bytes for equal tiles."""

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.grid import CONTEXT, FORECAST, PICTURE_PX, Tile, draw_grid, enlargement, in_rows, write_png


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


def test_tiles_are_enlarged_four_times_and_framed_in_their_color(picture):
    other = picture[::-1].copy()
    drawing = draw_grid([[Tile(picture, "given", CONTEXT), Tile(other, "step 1", FORECAST)]], title="a title")
    (y, x), (other_y, other_x) = place_of(drawing, picture, 4), place_of(drawing, other, 4)
    assert y == other_y and other_x >= x + 4 * 64
    assert tuple(drawing[y - 1, x]) == CONTEXT and tuple(drawing[other_y + 4 * 64, other_x]) == FORECAST
    assert (drawing[:y - 3] < 128).any(), "no text above the tiles"


def test_size_is_even_and_does_not_depend_on_the_title(picture):
    tiles = [[Tile(picture[:61, :63])], [Tile(picture[:61, :63])]]
    short, long = (draw_grid(tiles, ["row", "another row"], title) for title in ("a", "b" * 500))
    assert short.shape == long.shape and short.shape[0] % 2 == 0 and short.shape[1] % 2 == 0


@pytest.mark.parametrize(("side", "scale"), [(32, 8), (64, 4), (128, 2), (200, 2), (256, 1), (300, 1)])
def test_small_pictures_are_enlarged_more(side, scale):
    tile = Tile(np.random.default_rng(1).integers(1, 250, (side, side, 3), dtype=np.uint8))
    place_of(draw_grid([[tile]]), tile.picture, scale)


@pytest.mark.parametrize(("height", "width"), [(96, 128), (128, 96), (48, 64), (255, 20), (256, 256), (720, 1280)])
def test_the_longer_side_is_long_enough_but_not_much_longer(height, width):
    scale = enlargement(height, width)
    assert max(height, width) * scale >= PICTURE_PX and (scale == 1 or max(height, width) * (scale - 1) < PICTURE_PX)


@pytest.mark.parametrize(("count", "rows"), [(1, [1]), (4, [4]), (5, [3, 2]), (6, [3, 3]), (9, [3, 3, 3]),
                                             (11, [4, 4, 3])])
def test_many_tiles_stand_in_rows_of_four_at_most(count, rows):
    tiles = [Tile(np.zeros((2, 2, 3), np.uint8), str(i)) for i in range(count)]
    placed = in_rows(tiles)
    assert [len(row) for row in placed] == rows and [tile for row in placed for tile in row] == tiles


def test_narrow_pictures_leave_room_for_what_is_written_above_them():
    tall = [Tile(np.zeros((256, 16, 3), np.uint8), label) for label in ("copy of the last frame", "b")]
    assert draw_grid([tall]).shape[1] > 2 * 120


def test_grey_pictures_are_drawn_grey():
    grey = np.random.default_rng(2).integers(1, 250, (64, 64, 1), dtype=np.uint8)
    place_of(draw_grid([[Tile(grey)]]), grey.repeat(3, 2), 4)


def test_files_are_exact_and_free_of_metadata(picture, tmp_path):
    drawing = draw_grid([[Tile(picture, "frame")]])
    for name in ("one.png", "two.png"):
        write_png(tmp_path / name, drawing)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    with Image.open(tmp_path / "one.png") as image:
        np.testing.assert_array_equal(np.asarray(image), drawing)
        assert image.info == {}
