"""Films are of clips that move, and say so."""

import numpy as np

from pipeline.forecasting.choose_moving import choose_moving


def test_they_are_of_the_moving_half_the_most_moving_one_among_them():
    motion = np.array([0.0, 0.3, 0.1, 0.9, 0.0, 0.2, 0.05, 0.0])
    chosen = choose_moving(motion, 3)
    assert list(chosen) == [2, 3, 5]
    assert chosen[3] == "of 8 clips the one that moves most (90% of its pixels before the forecast)"
    assert chosen[5].startswith("2 of 8 clips move more (20%")


def test_there_may_be_fewer_clips_than_are_asked_for_or_none_wanted():
    assert list(choose_moving(np.array([0.5, 0.7]), 4)) == [0, 1] and not choose_moving(np.array([0.5]), 0)
    assert not choose_moving(np.empty(0), 4)
