import numpy as np
import pytest

from pipeline.metrics.occupancy import NUM_BINS, occupancy_cases, occupancy_figures


def discs(num: int, spread: float, seed: int = 0) -> np.ndarray:
    """bool [clip, num, 1, 1, H, W]: a disc whose place is drawn anew each time."""
    random = np.random.default_rng(seed)
    middle = 12 + spread * random.normal(size=(60, num, 1, 1, 1, 1, 2))
    y, x = np.mgrid[:24, :24]
    return (x - middle[..., 0])**2 + (y - middle[..., 1])**2 < 16


def figures_of(samples: np.ndarray, truth: np.ndarray) -> dict:
    num = samples.shape[1]
    shares = np.rint(samples.mean(1) * 255).astype(np.uint8)
    return occupancy_figures(sum(occupancy_cases(*clip) for clip in zip(shares, truth, strict=True)), num)


@pytest.mark.parametrize("num_samples", [1, 2, 5, 40])
def test_a_truth_drawn_as_the_samples_are_is_calibrated_however_few_they_are(num_samples):
    drawn = discs(num_samples + 1, 3.0)
    figures = figures_of(drawn[:, 1:], drawn[:, 0])
    assert figures["calibration_error"] < 0.03
    assert figures["calibration_error_by_step"] == [figures["calibration_error"]]
    if num_samples < 10:  # what few samples do not show is not impossible
        assert figures["shares"]["calibration_error"] > 0.1


def test_samples_that_are_too_sure_are_found_out():
    truth, samples = discs(1, 3.0, seed=1)[:, 0], discs(5, 0.5)
    assert figures_of(samples, truth)["calibration_error"] > 0.2
    assert figures_of(np.repeat(samples[:, :1], 5, 1), truth)["calibration_error"] > 0.3


def test_only_what_a_sample_or_the_truth_shows_is_counted():
    occupancy, truth = np.zeros((2, 1, 8, 8), np.uint8), np.zeros((2, 1, 8, 8), bool)
    occupancy[0, 0, 0], truth[0, 0, 0, :4] = 102, True  # two of five samples, right in half of the pixels
    truth[1, 0, 7, 7] = True  # foreseen by none
    figures = occupancy_figures(occupancy_cases(occupancy, truth), 5)
    assert figures["shares"]["cases_by_bin"] == [1, 0, 0, 0, 8, 0, 0, 0, 0, 0]
    assert figures["shares"]["forecast_by_bin"][4] == pytest.approx(0.4)
    assert figures["shares"]["came_true_by_bin"] == [1, None, None, None, 0.5, *[None] * 5]
    assert figures["shares"]["calibration_error"] == pytest.approx((8 * 0.1 + 1) / 9)
    assert figures["shares"]["calibration_error_by_step"] == [pytest.approx(0.1), 1]
    assert sum(figures["cases_by_bin"]) == 9 and len(figures["forecast_by_bin"]) == NUM_BINS
    assert figures["forecast_by_bin"][3] == pytest.approx(2 / 6) and figures["forecast_by_bin"][5] == pytest.approx(0.5)


def test_where_nothing_was_said_and_nothing_came_nothing_is_known():
    figures = occupancy_figures(occupancy_cases(np.zeros((1, 2, 4, 4), np.uint8), np.zeros((1, 2, 4, 4), bool)), 3)
    assert figures["calibration_error"] is None and figures["came_true_by_bin"] == [None] * NUM_BINS
