"""Moves measured on blocks drawn by hand."""

import numpy as np
import pytest

from pipeline.metrics.interventions import SHIFT, shift_errors, shifted_poses

SIDE = 32


def pose_of(x: float, y: float, visibility: float = 1.0) -> list[float]:
    return [x, y, 0.0, visibility]


def draw(poses: np.ndarray, gain: float = 1.0) -> np.ndarray:
    """4 x 4 blocks at poses [B, 3, K, 4]; moves are carried out `gain` times."""
    mask = np.zeros((*poses.shape[:3], SIDE, SIDE))
    for b, i, k in np.ndindex(poses.shape[:3]):
        start = poses[b, 0, k, :2]
        x, y = np.rint(start + gain * (poses[b, i, k, :2] - start)).astype(int)
        mask[b, i, k, y - 2:y + 2, x - 2:x + 2] = 0.5
    return mask


def test_each_slot_is_moved_in_its_frame_with_most_room():
    pose = np.array([[
        [pose_of(4, 16), pose_of(16, 16, 0)], [pose_of(12, 16), pose_of(9, 9)], [pose_of(28, 16), pose_of(2, 16)],
    ]])
    poses = shifted_poses(pose, SIDE, SIDE)
    assert poses.shape == (1, 3, 2, 4)
    np.testing.assert_array_equal(poses[0, :, 0, :2], [[12, 16], [17, 16], [12, 21]])
    np.testing.assert_array_equal(poses[0, :, 1, :2], [[9, 9], [14, 9], [9, 14]])  # hidden where it had more room


@pytest.mark.parametrize("gain, error", [(1.0, 0.0), (0.6, 2.0), (1.2, 1.0)])
def test_error_is_how_far_the_mask_misses_the_shift(gain, error):
    poses = shifted_poses(np.array([[[pose_of(14, 12)]]]), SIDE, SIDE)
    errors = shift_errors(draw(poses, gain), poses, np.ones((1, 1)))
    np.testing.assert_allclose(errors, [[error, error]])
    assert SHIFT == 5


def test_a_code_that_moves_along_one_axis_only():
    poses = shifted_poses(np.array([[[pose_of(14, 12)]]]), SIDE, SIDE)
    mask = draw(poses)
    mask[:, 2] = mask[:, 0]
    np.testing.assert_allclose(shift_errors(mask, poses, np.ones((1, 1))), [[0, 5]])


def test_slots_that_are_empty_hidden_cut_off_or_drawn_nowhere_are_left_out():
    pose = np.array([[[pose_of(14, 12), pose_of(14, 12), pose_of(14, 12, 0), pose_of(25, 12), pose_of(14, 12)]]])
    poses = shifted_poses(pose, SIDE, SIDE)
    mask = draw(poses)
    mask[0, :, 4] = 0
    errors = shift_errors(mask, poses, np.array([[1.0, 0.0, 1.0, 1.0, 1.0]]))
    assert mask[0, 1, 3, :, -1].any()  # moved onto the frame's edge
    np.testing.assert_allclose(errors, [[0, 0]])
