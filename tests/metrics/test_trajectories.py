"""Position errors of objects followed by known slots."""

import numpy as np
import pytest

from pipeline.metrics.segmentation import UNMATCHED
from pipeline.metrics.trajectories import error_by_step, position_error


def test_error_is_the_distance_to_the_matched_slot():
    position = np.array([[[1.0, 2.0], [10.0, 10.0]], [[2.0, 2.0], [11.0, 10.0]]])  # [T=2, N=2, 2]
    place = np.zeros((3, 2, 3, 2))  # 3 samples, 3 slots
    place[:, :, 2] = position[:, 0] + [3.0, 4.0]
    place[:, :, 0] = position[:, 1]
    shown = np.array([[True, True], [True, False]])
    error = position_error(place, position, np.array([2, 0]), shown)
    assert error.shape == (3, 2, 2)
    np.testing.assert_allclose(error[1], [[5.0, 0.0], [5.0, np.nan]])
    unmatched = position_error(place, position, np.array([UNMATCHED, 0]), shown)
    assert np.isnan(unmatched[..., 0]).all() and (unmatched[:, 0, 1] == 0).all()


def test_errors_are_pooled_per_step_over_clips_of_different_sizes():
    one = np.array([[[1.0, np.nan], [4.0, np.nan]]])  # [S=1, T=2, N=2]
    two = np.array([[[2.0], [np.nan]], [[6.0], [np.nan]]])  # [S=2, T=2, N=1]
    by_step = error_by_step([one, two])
    assert by_step["mean_by_step"] == pytest.approx([3.0, 4.0])
    assert by_step["median_by_step"] == pytest.approx([2.0, 4.0])
    nothing = error_by_step([np.full((1, 2, 1), np.nan)])
    assert nothing == {"mean_by_step": [None, None], "median_by_step": [None, None]}
