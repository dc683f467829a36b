"""Figures per frame against formulas written out again, and against values known by hand."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d

from pipeline.metrics.bootstrap import interval_95
from pipeline.metrics.frame_quality import (
    MAX_PSNR,
    best_of_samples,
    concatenate,
    frame_quality,
    mean_figures,
    median_image,
    psnr_of_error,
)


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(2, 3, 3, 20, 24, generator=generator)
    return (target + 0.1 * torch.randn(target.shape, generator=generator)).clamp(0, 1), target


def ssim_of_one_frame(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004, equation 13: Gaussian window 11 px, sigma 1.5, frame [C, H, W] mirrored at its border."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    taps /= taps.sum()

    def blur(image: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(image, taps, axis=1, mode="mirror"), taps, axis=2, mode="mirror")

    mean_x, mean_y = blur(x), blur(y)
    var_x, var_y, cov = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    ssim = (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    return float(ssim.mean())


def test_every_frame_has_its_own_figures(pair):
    frames, target = pair
    quality = frame_quality(frames, target)
    x, y = frames.double().numpy(), target.double().numpy()
    for i in np.ndindex(2, 3):
        error = x[i] - y[i]
        assert quality["psnr"][i] == pytest.approx(-10 * np.log10((error**2).mean()), abs=1e-4)
        assert quality["ssim"][i] == pytest.approx(ssim_of_one_frame(x[i], y[i]), abs=1e-4)
        assert quality["mse"][i] == pytest.approx((error**2).sum(), rel=1e-5)
        assert quality["mae"][i] == pytest.approx(np.abs(error).sum(), rel=1e-5)


def test_values_known_by_hand():
    target = torch.full((1, 1, 16, 16), 0.5)
    quality = frame_quality(target + 0.1, target)
    assert quality["psnr"][0] == pytest.approx(20.0, abs=1e-4)
    assert quality["mse"][0] == pytest.approx(2.56, rel=1e-5)
    assert quality["mae"][0] == pytest.approx(25.6, rel=1e-5)


def test_a_perfect_frame_has_finite_figures():
    target = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    quality = frame_quality(target, target)
    assert quality["psnr"].tolist() == [MAX_PSNR, MAX_PSNR]
    assert quality["ssim"] == pytest.approx([1.0, 1.0])


def test_psnr_of_an_error_is_that_of_the_frame_and_has_the_same_bound(pair):
    quality = frame_quality(*pair)
    assert psnr_of_error(quality["mse"] / pair[0][0, 0].numel()) == pytest.approx(quality["psnr"], rel=1e-5)
    assert psnr_of_error(np.array([0.0, 1e-30, 0.01, 1.0])).tolist() == [MAX_PSNR, MAX_PSNR, 20, 0]


def test_batches_do_not_change_a_value(pair, monkeypatch):
    frames, target = pair
    whole = frame_quality(frames, target)
    monkeypatch.setattr("pipeline.metrics.frame_quality._VALUES_AT_ONCE", 1)
    for name, values in frame_quality(frames, target).items():
        np.testing.assert_allclose(values, whole[name], rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 16, 15), (3, 16, 16)])
def test_unequal_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="differ in shape"):
        frame_quality(torch.zeros(1, 3, 16, 16), torch.zeros(shape))


def test_frames_too_small_for_ssim_are_refused():
    with pytest.raises(ValueError, match="too small for ssim"):
        frame_quality(torch.zeros(1, 3, 5, 16), torch.zeros(1, 3, 5, 16))


@pytest.mark.parametrize("num_frames", [4, 5])
def test_median_image_is_numpys(num_frames):
    frames = torch.rand(2, num_frames, 3, 5, 6, generator=torch.Generator().manual_seed(2))
    wanted = np.median(frames.numpy(), axis=1, keepdims=True).repeat(num_frames, 1)
    np.testing.assert_allclose(median_image(frames).numpy(), wanted, rtol=1e-6)


def test_means_are_over_frames_and_the_best_sample_is_chosen_per_clip_and_figure():
    psnr = np.array([[[10.0, 20.0], [30.0, 20.0]], [[12.0, 8.0], [4.0, 6.0]]])  # [clip, sample, step]
    quality = {"psnr": psnr, "mse": -psnr}
    assert mean_figures(quality)["psnr"] == pytest.approx(13.75)
    assert mean_figures(quality)["psnr_by_step"] == pytest.approx([14.0, 13.5])
    # Clip 0: samples have 15 and 25; clip 1: 10 and 5. A low mse is the better one.
    best = best_of_samples(quality)
    assert {name: best[name] for name in quality} == pytest.approx({"psnr": 17.5, "mse": -17.5})
    assert (best["psnr_gap"], best["mse_gap"]) == pytest.approx((3.75, 3.75))
    assert mean_figures(quality)["psnr_interval"] == interval_95(np.array([20.0, 7.5]))
    assert best["psnr_interval"] == interval_95(np.array([25.0, 10.0]))
    assert concatenate([quality, quality])["psnr"].shape == (4, 2, 2)
