"""Variance of codes within and between objects, against numbers worked out by hand."""

import numpy as np
import pytest

from pipeline.metrics.invariance import slots_of_half, variance_ratio
from pipeline.metrics.segmentation import UNMATCHED


def test_within_over_between():
    # Objects 0 and 1 have the codes (0, 2) and (10, 10): within (2 + 0) / 2, means 1 and 10 with variance 40.5.
    assert variance_ratio(np.array([[[0.0], [2.0]], [[10.0], [10.0]]])) == pytest.approx(1 / 40.5)
    # A second feature that never changes adds nothing, one that changes alike adds to both.
    pairs = np.array([[[0.0, 3], [2, 3]], [[10, 3], [10, 3]]])
    assert variance_ratio(pairs) == pytest.approx(1 / 40.5)
    assert variance_ratio(np.concatenate([pairs[..., :1]] * 2, -1)) == pytest.approx(2 / 81)


def test_codes_that_never_change_in_a_clip_have_none_and_noise_about_twice_its_mean():
    codes = np.random.default_rng(0).normal(size=(500, 2, 4))
    assert variance_ratio(codes[:, [0, 0]]) == 0
    assert variance_ratio(codes) == pytest.approx(2, rel=0.1)  # the mean of two codes has half their variance


def test_too_few_or_equal_objects_have_no_ratio():
    assert variance_ratio(np.zeros((1, 2, 3))) is None
    assert variance_ratio(np.ones((4, 2, 3))) is None


def test_slots_are_those_that_cover_the_same_pixels():
    whole = np.zeros((2, 4, 8), dtype=int)
    whole[:, :, :2], whole[:, :, 4:6], whole[:, :, 7] = 1, 2, 3
    half = np.zeros_like(whole)
    half[:, :, :2], half[:, :, 5] = 3, 1  # slot 3 equals slot 1, slot 1 covers half of slot 2; slot 3 is not found
    assert slots_of_half(whole, half, 3).tolist() == [2, 0, UNMATCHED]
    half[:, :2, 5] = 0
    assert slots_of_half(whole, half, 3).tolist() == [2, UNMATCHED, UNMATCHED]
