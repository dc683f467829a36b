import numpy as np

from pipeline.pictures.error_map import FULL, error_map


def test_errors_are_white_where_there_are_none_and_black_from_the_full_one_on():
    truth = np.full((1, 2, 2, 3), 100, np.uint8)
    frames = truth.copy()
    frames[0, 0, 1, 2], frames[0, 1, 0], frames[0, 1, 1, 1] = 100 - 51, 0, 255
    shown = error_map(frames, truth)
    assert shown.shape == (1, 2, 2, 1) and shown.dtype == np.uint8
    assert shown[0, ..., 0].tolist() == [[255, 127], [5, 0]] and FULL == 0.4
