import numpy as np
import pytest

from pipeline.metrics.diversity import pairwise_psnr, place_distance
from pipeline.metrics.frame_quality import MAX_PSNR


def test_distance_is_the_mean_over_pairs_that_show_the_slot():
    place = np.zeros((3, 2, 2, 2))
    place[1, :, 0], place[2, :, 0] = (3, 4), (6, 8)  # slot 0: distances 5, 5 and 10; slot 1 stays
    in_view = np.ones((3, 2, 2), bool)
    in_view[:, :, 1] = False
    in_view[2, 1, 0] = False
    assert place_distance(place, in_view).tolist() == pytest.approx([20 / 3, 5])
    assert np.isnan(place_distance(place, in_view & False)).all()


def test_psnr_of_pairs_is_that_of_their_mean_squared_error():
    frames = np.full((3, 2, 4, 5, 3), 100, np.uint8)
    frames[1], frames[2, 1] = 110, 120
    one, two = (20 * np.log10(255 / levels) for levels in (10, 20))
    assert pairwise_psnr(frames) == pytest.approx([(one + MAX_PSNR + one) / 3, (one + two + one) / 3])
