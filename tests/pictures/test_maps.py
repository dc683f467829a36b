import numpy as np

from pipeline.pictures.error_map import error_map
from pipeline.pictures.layers import BACKGROUND_COLOR, SLOT_COLORS
from pipeline.pictures.maps import occupancy_picture, spread_picture


def test_a_spread_is_as_dark_as_an_error_of_its_size():
    spread = np.array([[0, 60, 204, 255]], np.uint8)  # half levels
    errors = error_map((spread // 2)[..., None], np.zeros((1, 4, 1), np.uint8))
    assert spread_picture(spread).shape == (1, 4, 1)
    assert abs(spread_picture(spread).astype(int) - errors).max() <= 2


def test_slots_have_their_colours_by_their_probability():
    occupancy = np.zeros((1, 2, 1, 3), np.uint8)
    occupancy[0, 1, 0] = [0, 255, 51]
    picture = occupancy_picture(occupancy)
    assert picture.shape == (1, 1, 3, 3) and (picture[0, 0, 0] == BACKGROUND_COLOR).all()
    assert (picture[0, 0, 1] == SLOT_COLORS[1]).all()
    wanted = 0.8 * BACKGROUND_COLOR + 0.2 * SLOT_COLORS[1]
    assert abs(picture[0, 0, 2] - wanted).max() <= 1
