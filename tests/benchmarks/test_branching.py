import numpy as np
import pytest

from benchmarks.branching import Clip, score


def clip(places: list[list[float]], truth: list[float], counted: list[bool]) -> Clip:
    """Two steps, of which the first is where the truth is; places [S][N]: x at the second; y is 0."""
    place = np.zeros((len(places), 2, len(truth), 2))
    place[:, 1, :, 0] = places
    position = np.zeros((2, len(truth), 2))
    position[1, :, 0] = truth
    return Clip(place, position, np.stack([np.array(counted), np.array(counted)]))


def test_the_nearest_sample_of_an_object_may_not_be_that_of_its_clip():
    figures = score([
        clip([[0, 10], [8, 2]], [0, 2], [True, True]),  # each object has a sample that is right, the clip has none
        clip([[5, 0], [5, 0]], [4, 99], [True, False]),
    ])
    assert figures["nearest"] == pytest.approx((0 + 0 + 1) / 3)
    assert figures["of clip"] == pytest.approx((0 + 8 + 1) / 3)
    assert figures["mean"] == pytest.approx((4 + 4 + 1) / 3)
    assert figures["parts"] == pytest.approx(2 / 3)


def test_coverage_is_that_of_the_samples_central_interval():
    random = np.random.default_rng(0)
    def world(scale: float) -> Clip:  # samples that stray `scale` times as far as the truth
        place, truth = scale * random.normal(size=(20, 5, 300, 2)), random.normal(size=(5, 300, 2))
        return Clip(place, truth, np.ones((5, 300), bool))
    assert score([world(1.0)])["coverage"] == pytest.approx(0.9, abs=0.03)
    assert score([world(0.3)])["coverage"] < 0.5
    assert score([world(3.0)])["coverage"] > 0.98


def test_one_sample_has_no_coverage():
    figures = score([clip([[3.0]], [1.0], [True])])
    assert figures["coverage"] is None and figures["nearest"] == figures["mean"] == 2 and figures["parts"] == 0
