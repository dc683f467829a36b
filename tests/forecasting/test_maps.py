import numpy as np

from pipeline.forecasting.maps import occupancy_map, spread_map


def test_spread_is_the_standard_deviation_in_half_levels():
    frames = np.zeros((4, 2, 3, 5, 3), np.uint8)
    frames[:2, 1, :, :, 0] = 30  # one channel of step 2: half of the samples 30, the others 0
    frames[2:, 1, 0, 0] = 255
    spread = spread_map(frames)
    assert spread.shape == (2, 3, 5) and spread.dtype == np.uint8 and not spread[0].any()
    assert spread[1, 2, 4] == 2 * 15 / 3
    wanted = frames[:, 1, 0, 0].astype(float).std(0).mean() * 2
    assert abs(spread[1, 0, 0] - wanted) <= 0.5


def test_the_largest_spread_fits_and_one_sample_has_none():
    frames = np.zeros((2, 1, 2, 2, 1), np.uint8)
    assert not spread_map(frames[:1]).any()
    frames[1] = 255
    assert (spread_map(frames) == 255).all()


def test_occupancy_is_the_share_of_samples_that_show_a_slot():
    shown = np.zeros((5, 2, 2, 3), np.int64)
    shown[:, 0, 0, 0] = [1, 1, 1, 0, 3]
    shown[:, 1, 1, 2] = 2
    occupancy = occupancy_map(shown, 3)
    assert occupancy.shape == (2, 3, 2, 3) and occupancy.dtype == np.uint8
    assert occupancy[0, :, 0, 0].tolist() == [153, 0, 51]  # three fifths, none, one fifth of 255
    assert occupancy[1, :, 1, 2].tolist() == [0, 255, 0] and occupancy.astype(int).sum() == 153 + 51 + 255
