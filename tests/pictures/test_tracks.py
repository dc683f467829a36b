"""Tracks are drawn where they are, and only where they can be seen."""

import numpy as np

from pipeline.pictures.layers import slot_color
from pipeline.pictures.sheets import swap_sheet
from pipeline.pictures.tracks import tracks_sheet

FRAME = np.full((16, 20, 3), 90, dtype=np.uint8)
SCALE, EDGE, LEFT, TOP = 24, 3, 8, 8 + 18 + 18


def at(sheet: np.ndarray, column: int, x: float, y: float) -> list[int]:
    """The colour of a drawing's tile at x, y px of the frame."""
    step = FRAME.shape[1] * SCALE + 2 * EDGE + 8
    return sheet[TOP + EDGE + round(y * SCALE), LEFT + column * step + EDGE + round(x * SCALE)].tolist()


def test_found_tracks_are_in_their_slots_colors_and_end_where_they_are_hidden():
    place = np.zeros((4, 2, 2))
    place[:, 0] = [[2, 8], [6, 8], [10, 8], [14, 8]]
    place[:, 1] = [[2, 2], [2, 2], [2, 2], [2, 2]]
    seen = np.array([[True, False], [True, False], [True, False], [False, False]])
    sheet = tracks_sheet(FRAME, place, seen, None, None, "clip")
    assert at(sheet, 1, 8, 8) == at(sheet, 1, 10, 8) == list(slot_color(0))
    assert at(sheet, 1, 14, 8) == at(sheet, 1, 2, 2) == at(sheet, 0, 8, 8) == [90, 90, 90]


def test_true_tracks_lie_below_the_found_ones():
    position = np.array([[[4.0, 4.0]], [[12.0, 4.0]]])
    sheet = tracks_sheet(FRAME[..., :1], position + [0, 6], np.ones((2, 1), bool), position, np.ones((2, 1), bool), "")
    grey = tracks_sheet(FRAME, position + [0, 6], np.ones((2, 1), bool), position, np.ones((2, 1), bool), "")
    np.testing.assert_array_equal(sheet, grey)
    sheet = tracks_sheet(FRAME, position + [0, 6], np.ones((2, 1), bool), position, np.ones((2, 1), bool), "a")
    assert max(at(sheet, 1, 8, 4)) < 60 and max(at(sheet, 2, 8, 4)) < 60
    assert at(sheet, 2, 8, 10) == list(slot_color(0)) and at(sheet, 1, 8, 10) == [90, 90, 90]


def test_swap_sheet_has_a_row_for_each_exchange_at_the_same_times():
    frames = np.stack([np.full((16, 16, 3), 10 * t, dtype=np.uint8) for t in range(9)])
    sheet = swap_sheet({"A": frames, "B": frames + 5}, "clip")
    colors = set(map(tuple, sheet.reshape(-1, 3)))
    for t in (0, 2, 4, 6, 8):
        assert {(10 * t,) * 3, (10 * t + 5,) * 3} <= colors
    assert (30,) * 3 not in colors
