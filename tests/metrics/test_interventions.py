"""Moves measured on blocks drawn by hand."""

import itertools

import numpy as np
import pytest

from pipeline.metrics.interventions import MOVES, SHIFT, best_frame, shift_errors

SIDE = 32


def draw(places: list[tuple[float, float]], gain: float = 1.0) -> np.ndarray:
    """4 x 4 blocks at places [K, 2], as they are and after MOVES that are carried out `gain` times: [1, 3, K, H, W]."""
    mask = np.zeros((1, 3, len(places), SIDE, SIDE))
    for (i, move), (k, place) in itertools.product(enumerate(MOVES), enumerate(places)):
        x, y = np.rint(place + gain * move).astype(int)
        mask[0, i, k, y - 2:y + 2, x - 2:x + 2] = 0.5
    return mask


def test_each_slot_is_looked_at_in_its_frame_with_most_room():
    place = np.array([[[(4, 16), (16, 16)], [(12, 16), (9, 9)], [(28, 16), (2, 16)]]], float)
    visibility = np.array([[[1, 0], [1, 1], [1, 1]]])  # slot 1 is hidden where it had more room
    assert best_frame(place, visibility, SIDE, SIDE).tolist() == [[1, 1]]
    assert MOVES.tolist() == [[0, 0], [5, 0], [0, 5]] and SHIFT == 5


@pytest.mark.parametrize("gain, error", [(1.0, 0.0), (0.6, 2.0), (1.2, 1.0)])
def test_error_is_how_far_the_mask_misses_the_shift(gain, error):
    errors = shift_errors(draw([(14, 12)], gain), np.ones((1, 1)), np.ones((1, 1)))
    np.testing.assert_allclose(errors, [[error, error]])


def test_a_code_that_moves_along_one_axis_only():
    mask = draw([(14, 12)])
    mask[:, 2] = mask[:, 0]
    np.testing.assert_allclose(shift_errors(mask, np.ones((1, 1)), np.ones((1, 1))), [[0, 5]])


def test_slots_that_are_empty_hidden_cut_off_or_drawn_nowhere_are_left_out():
    mask = draw([(14, 12), (14, 12), (14, 12), (25, 12), (14, 12)])
    mask[0, :, 4] = 0
    errors = shift_errors(mask, np.array([[1.0, 1, 0, 1, 1]]), np.array([[1.0, 0, 1, 1, 1]]))
    assert mask[0, 1, 3, :, -1].any()  # moved onto the frame's edge
    np.testing.assert_allclose(errors, [[0, 0]])
