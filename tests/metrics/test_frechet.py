"""The Fréchet distance against closed forms."""

import numpy as np
import pytest

from pipeline.metrics.frechet import frechet_distance, frechet_distance_of_samples


def root_trace(product: np.ndarray) -> float:
    """Trace of the root of a 2 x 2 matrix with positive eigenvalues, by Cayley and Hamilton."""
    return np.sqrt(np.trace(product) + 2 * np.sqrt(np.linalg.det(product)))


def test_equal_spreads_leave_the_distance_of_the_means():
    mean, other = np.array([1.0, 2, 3]), np.array([1.0, 5, -1])
    covariance = np.array([[2, 0.5, 0], [0.5, 1, 0.2], [0, 0.2, 3]])
    assert frechet_distance(mean, covariance, other, covariance) == pytest.approx(25)
    assert frechet_distance(mean, covariance, mean, covariance) == pytest.approx(0, abs=1e-12)


def test_independent_features_differ_by_their_spreads():
    a, b = np.array([1.0, 4, 0, 9]), np.array([4.0, 1, 2, 9])
    wanted = np.square(np.sqrt(a) - np.sqrt(b)).sum()
    assert frechet_distance(np.zeros(4), np.diag(a), np.zeros(4), np.diag(b)) == pytest.approx(wanted)


def test_covariances_with_the_same_axes():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5)))[0]
    a, b = np.arange(1.0, 6), np.array([3.0, 1, 4, 1, 5])
    found = frechet_distance(np.zeros(5), turn * a @ turn.T, np.zeros(5), turn * b @ turn.T)
    assert found == pytest.approx(np.square(np.sqrt(a) - np.sqrt(b)).sum())


def test_covariances_with_other_axes():
    one, two = np.array([[2.0, 1], [1, 3]]), np.array([[5.0, -2], [-2, 1]])
    assert not np.allclose(one @ two, two @ one)
    wanted = np.trace(one) + np.trace(two) - 2 * root_trace(one @ two)
    for pair in ((one, two), (two, one)):
        assert frechet_distance(np.zeros(2), pair[0], np.ones(2), pair[1]) == pytest.approx(2 + wanted)


def test_fewer_samples_than_features():
    random = np.random.default_rng(0)
    features = random.normal(size=(4, 10))
    assert frechet_distance_of_samples(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance_of_samples(features, features + 2) == pytest.approx(40)
    assert frechet_distance_of_samples(features, features[:1]) is None


def test_samples_of_known_gaussians():
    random = np.random.default_rng(0)
    spread = np.array([1.0, 2, 3])
    features, other = random.normal(size=(20000, 3)), random.normal(size=(20000, 3)) * spread + [0, 0, 4]
    assert frechet_distance_of_samples(features, other) == pytest.approx(16 + 1 + 4, rel=0.02)
