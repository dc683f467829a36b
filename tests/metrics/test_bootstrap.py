import numpy as np
import pytest
from scipy.stats import bootstrap

from pipeline.metrics.bootstrap import NUM_RESAMPLES, SEED, interval_95


def test_the_interval_is_that_of_the_normal_approximation_for_many_clips():
    values = np.random.default_rng(1).normal(30, 2, 400)
    low, high = interval_95(values)
    standard_error = values.std() / 20
    assert low == pytest.approx(values.mean() - 1.96 * standard_error, abs=0.15 * standard_error)
    assert high == pytest.approx(values.mean() + 1.96 * standard_error, abs=0.15 * standard_error)


def test_it_is_the_same_each_time_and_moves_with_the_values():
    values = np.random.default_rng(2).normal(size=30)
    first = interval_95(values)
    assert interval_95(values) == first
    assert interval_95(values + 5) == pytest.approx([bound + 5 for bound in first])
    assert interval_95(np.full(4, 7.0)) == [7, 7]


@pytest.mark.parametrize("count", [2, 3, 96, 400])
def test_scipy_finds_the_same(count):
    """From the same draws, at three times the cost."""
    values = np.random.default_rng(count).normal(30, 5, count)
    found = bootstrap((values,), np.mean, n_resamples=NUM_RESAMPLES, method="percentile", rng=SEED)
    assert interval_95(values) == pytest.approx(list(found.confidence_interval), rel=1e-12)


def test_a_single_clip_has_no_error_bars():
    assert interval_95(np.array([1.0])) is None
