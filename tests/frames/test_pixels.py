import numpy as np
import pytest
import torch

from pipeline.frames.pixels import mean_picture, to_uint8, to_unit


def test_there_and_back_is_exact_for_every_level():
    frames = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    unit = to_unit(frames)
    assert unit.shape == (1, 3, 16, 16) and unit.dtype == torch.float32
    assert unit.min() == 0 and unit.max() == 1
    assert np.array_equal(to_uint8(unit), frames)


def test_channels_change_place_and_axes_before_stay():
    frames = np.random.default_rng(0).integers(0, 256, (2, 5, 8, 9, 3), dtype=np.uint8)
    assert to_unit(frames).shape == (2, 5, 3, 8, 9)
    assert to_unit(frames)[1, 4, 2, 7, 6] == pytest.approx(frames[1, 4, 7, 6, 2] / 255)


def test_what_lies_outside_is_clipped_and_the_rest_rounded():
    frames = torch.tensor([-0.5, 0.4999 / 255, 0.5001 / 255, 1.5]).reshape(1, 1, 4)
    assert to_uint8(frames).ravel().tolist() == [0, 0, 1, 255]


def test_other_types_are_refused():
    with pytest.raises(AssertionError):
        to_unit(np.zeros((4, 4, 3), np.float32))
    with pytest.raises(AssertionError):
        to_uint8(torch.zeros(3, 4, 4, dtype=torch.uint8))


def test_the_mean_of_samples_is_a_film_of_its_own():
    samples = np.array([[10, 0], [13, 255], [13, 255]], np.uint8).reshape(1, 3, 2, 1, 1, 1)
    assert mean_picture(samples).shape == (1, 2, 1, 1, 1) and mean_picture(samples).ravel().tolist() == [12, 170]
    assert mean_picture(samples).dtype == np.uint8
