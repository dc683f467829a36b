import numpy as np
import pytest

from pipeline.metrics.calibration import coverage_figures, covered, reachable

NUM_OBJECTS = 4000


@pytest.mark.parametrize(("num_samples", "wanted"), [(5, 2 / 3), (19, 0.9), (50, 0.9)])
def test_a_truth_drawn_as_the_samples_are_is_covered_as_often_as_said(num_samples, wanted):
    drawn = np.random.default_rng(0).normal(size=(num_samples + 1, 1, NUM_OBJECTS, 2))
    everywhere = np.ones((1, NUM_OBJECTS), bool)
    clips = {share: [covered(drawn[1:], drawn[0], everywhere, share)] for share in (0.5, 0.9)}
    figures = coverage_figures(clips, num_samples)
    assert figures["coverage_90_reachable"] == pytest.approx(wanted)
    assert figures["coverage_90"] == pytest.approx(wanted, abs=0.02)
    assert figures["coverage_50"] == pytest.approx(0.5, abs=0.035)  # between two samples of 5


def test_samples_that_are_too_sure_cover_less():
    drawn = np.random.default_rng(0).normal(size=(21, 1, NUM_OBJECTS, 2))
    sure = covered(drawn[1:] / 4, drawn[0], np.ones((1, NUM_OBJECTS), bool), 0.9)
    assert sure.mean() == pytest.approx(0.32, abs=0.05)  # within 1.65 / 4 spreads


def test_it_is_counted_per_step_and_axis_and_only_where_it_counts():
    samples = np.arange(-10, 11, dtype=float)[:, None, None, None] * np.ones((1, 3, 2, 2))
    truth = np.zeros((3, 2, 2))
    truth[1, 0], truth[2, 0] = (0, 100), (100, 100)
    counted = np.array([[True, False], [True, False], [True, False]])
    figures = coverage_figures({0.5: [covered(samples, truth, counted, 0.5)]}, 21)
    assert figures["coverage_50_by_step"] == [1, 0.5, 0] and figures["coverage_50"] == 0.5
    nothing = coverage_figures({0.5: [covered(samples, truth, counted & False, 0.5)]}, 21)
    assert nothing["coverage_50"] is None and nothing["coverage_50_by_step"] == [None] * 3


def test_the_interval_for_half_of_three_samples_is_from_least_to_largest():
    samples = np.array([1.0, 2.0, 5.0])[:, None, None, None] * np.ones((1, 1, 4, 2))
    truth = np.array([0.9, 1.0, 5.0, 5.1])[None, :, None] * np.ones((1, 1, 2))
    assert covered(samples, truth, np.ones((1, 4), bool), 0.5)[0, :, 0].tolist() == [0, 1, 1, 0]
    assert reachable(0.5, 3) == 0.5 and reachable(0.9, 3) == 0.5
