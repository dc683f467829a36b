import numpy as np
import pytest

from pipeline.metrics.moving import CHANGE, moving_figures, moving_pixels, psnr_moving


def clips() -> tuple[np.ndarray, np.ndarray]:
    """Last given frames and 3 steps: in clip 0 a bright pixel goes one px to the right per step, clip 1 rests but for
    noise."""
    last, target = np.full((2, 4, 6, 3), 100, np.uint8), np.full((2, 3, 4, 6, 3), 100, np.uint8)
    last[0, 1, 1, 0] = 200
    for t in range(3):
        target[0, t, 1, 2 + t, 0] = 200
    target[1] += np.random.default_rng(0).integers(0, int(CHANGE * 255) + 1, target[1].shape, dtype=np.uint8)
    return last, target


def test_what_comes_and_goes_at_any_step_moves_and_noise_does_not():
    last, target = clips()
    moving = moving_pixels(last, target)
    assert np.argwhere(moving).tolist() == [[0, 1, x] for x in (1, 2, 3, 4)]
    assert moving_pixels(target[:, 0], last[:, None]).sum() == 2  # darker and brighter alike


def test_only_what_moves_is_judged_alike_for_every_forecast():
    last, target = clips()
    moving = moving_pixels(last, target)
    wrong = target.copy()
    wrong[:, :, 0] = 0  # nothing moves there
    wrong[0, :, 1, 1:5] += 10
    samples = np.stack([wrong, target], 1)
    ten = 20 * np.log10(255 / 10)
    assert psnr_moving(wrong, target, moving) == pytest.approx([ten, np.nan], nan_ok=True)
    assert psnr_moving(samples, target, moving)[0] == pytest.approx((ten + 100) / 2)


def test_where_nothing_moves_nothing_is_known():
    assert moving_figures(np.array([np.nan, 20, 30]))["psnr_moving"] == 25
    assert moving_figures(np.full(3, np.nan)) == {"psnr_moving": None, "psnr_moving_interval": None}
