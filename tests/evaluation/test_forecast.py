"""Scores of forecasts whose errors are known."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.forecast import ForecastScores
from pipeline.evaluation.reconstruction import Truth
from pipeline.latents.latents import POSE, Latents

GIVEN, HORIZON = 2, 3


def latents(pose: torch.Tensor) -> Latents:
    """pose [B, T, K, P]; the other codes are zeros."""
    num_clips, _, num_slots, _ = pose.shape
    zeros = torch.zeros(num_clips, num_slots)
    return Latents(torch.zeros(num_clips, 4), zeros[..., None], zeros, zeros, torch.zeros(*pose.shape[:2], 2), pose)


def test_every_forecast_is_compared_with_the_same_truth():
    target = np.full((2, HORIZON, 16, 16, 3), 100, dtype=np.uint8)
    last = np.full((2, 16, 16, 3), 110, dtype=np.uint8)
    prediction = np.stack([target + 1, target + 3], 1)
    linear = target + np.array([0, 5, 10], dtype=np.uint8)[:, None, None, None]
    scores = ForecastScores()
    scores.add(target[:1], last[:1], prediction[:1], linear[:1])
    scores.add(target[1:], last[1:], prediction[1:], linear[1:])
    figures = scores.figures()

    def psnr(levels: float) -> float:
        return 20 * np.log10(255 / levels)

    assert figures["prediction"]["psnr"] == pytest.approx((psnr(1) + psnr(3)) / 2, abs=1e-3)
    assert figures["prediction"]["best_of_samples"]["psnr"] == pytest.approx(psnr(1), abs=1e-3)
    assert figures["prediction"]["mse"] == pytest.approx((1 + 9) / 2 / 255**2 * 16 * 16 * 3, rel=1e-3)
    baselines = figures["baselines"]
    assert baselines["copy_last"]["psnr_by_step"] == pytest.approx([psnr(10)] * HORIZON, abs=1e-3)
    assert baselines["linear_extrapolation"]["psnr_by_step"] == pytest.approx([100, psnr(5), psnr(10)], abs=1e-3)
    assert "position_error" not in figures["prediction"]


def test_places_are_compared_for_the_slot_that_the_context_gave_an_object():
    num_frames = GIVEN + HORIZON
    true_ids = np.zeros((1, num_frames, 8, 8), dtype=np.uint8)
    true_ids[0, :, :2, :2], true_ids[0, :-1, 5:, 5:] = 1, 2  # object 2 is gone in the last frame
    position = np.stack([np.full((1, num_frames, 2), 1.0), np.full((1, num_frames, 2), 6.5)], 2).astype(np.float32)
    context = np.where(true_ids[:, :GIVEN] == 1, 3, np.where(true_ids[:, :GIVEN] == 2, 1, 0))  # slots 2 and 0
    pose = torch.full((1, num_frames, 3, len(POSE)), 1000.0)
    pose[:, :, 2, :2], pose[:, :, 0, :2] = 1.0, 6.5
    samples = pose.repeat(2, 1, 1, 1)
    samples[1, GIVEN:, :, 0] += 3
    linear = pose.clone()
    linear[0, GIVEN:, :, 1] += torch.tensor([1.0, 2.0, 4.0])[:, None]
    scores = ForecastScores()
    frames = np.zeros((1, HORIZON, 8, 8, 3), dtype=np.uint8)
    scores.add(frames, frames[:, 0], np.stack([frames, frames], 1), frames)
    scores.add_places(Truth(true_ids, position), context, latents(samples), latents(linear))
    figures = scores.figures()
    assert figures["prediction"]["position_error"]["mean_by_step"] == pytest.approx([1.5] * HORIZON)
    assert figures["baselines"]["linear_extrapolation"]["position_error"]["median_by_step"] == pytest.approx([1, 2, 4])
    assert figures["baselines"]["copy_last"]["position_error"]["mean_by_step"] == pytest.approx([0] * HORIZON)
