import numpy as np
import pytest

from benchmarks.stack import fit_stack, parts

GIVEN, HORIZON = 6, 4


def drifting(seed: int, velocity: float = 1.5, size: int = 48) -> np.ndarray:
    """A smooth pattern that goes to the right as a whole, uint8 [10, H, W, 3]."""
    phase = np.random.default_rng(seed).uniform(0, 6, 3)
    y, x = np.mgrid[:size, :size].astype(float)
    frames = []
    for t in range(GIVEN + HORIZON):
        u = x - velocity * t
        value = 0.5 + 0.2 * np.sin(u / 3.1 + phase[0]) * np.cos(y / 4.3 + phase[1]) + 0.2 * np.sin(u / 7.7 + phase[2])
        frames.append(np.repeat(value[..., None], 3, -1))
    return (255 * np.stack(frames)).round().astype(np.uint8)


def test_parts_are_four_forecasts_and_the_median():
    clip = drifting(0)
    forecasts, median = parts(clip[:GIVEN], HORIZON)
    assert forecasts.shape == (4, HORIZON, 48, 48, 3) and forecasts.dtype == np.float32 and forecasts.max() <= 1
    np.testing.assert_allclose(median, np.median(clip[:GIVEN], 0) / 255, atol=1e-6)
    np.testing.assert_allclose(forecasts[0], np.repeat(clip[GIVEN - 1:GIVEN] / 255, HORIZON, 0), atol=1e-6)


def test_what_moves_is_carried_on_and_what_rests_is_copied():
    moving = fit_stack(np.stack([drifting(seed) for seed in range(4)]), GIVEN)
    clip = drifting(9)
    error = np.abs(moving.forecast(clip[:GIVEN]).astype(float) - clip[GIVEN:])[:, 12:-12, 12:-12].mean()
    copied = np.abs(clip[GIVEN - 1].astype(float) - clip[GIVEN:])[:, 12:-12, 12:-12].mean()
    assert error < 0.3 * copied
    still = np.repeat(clip[:1], GIVEN + HORIZON, 0)
    resting = fit_stack(still[None], GIVEN)
    assert (resting.forecast(still[:GIVEN]) == still[GIVEN:]).all()  # nothing differs from the median: that is copied


@pytest.mark.parametrize("num_given", [1, 2])
def test_short_contexts_are_enough(num_given):
    clip = drifting(0)[:, :24, :24]
    assert fit_stack(clip[None], num_given).forecast(clip[:num_given]).shape == (10 - num_given, 24, 24, 3)
