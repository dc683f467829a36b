"""Scores of forecasts whose errors are known."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.forecast import ForecastScores
from pipeline.evaluation.reconstruction import Truth
from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents

GIVEN, HORIZON = 2, 3


def latents(pose: torch.Tensor) -> Latents:
    """pose [B, T, K, P]; the other codes are zeros."""
    num_clips, _, num_slots, _ = pose.shape
    zeros = torch.zeros(num_clips, num_slots)
    return Latents(
        background=torch.zeros(num_clips, 4), appearance=zeros[..., None], presence=zeros, depth=zeros,
        camera=torch.zeros(*pose.shape[:2], 2), pose=pose,
    )


def test_every_forecast_is_compared_with_the_same_truth():
    target = np.full((2, HORIZON, 16, 16, 3), 100, dtype=np.uint8)
    context = np.full((2, GIVEN, 16, 16, 3), 110, dtype=np.uint8)
    prediction = np.stack([target + 1, target + 3], 1)
    linear = target + np.array([0, 5, 10], dtype=np.uint8)[:, None, None, None]
    scores = ForecastScores()
    scores.add(context[:1], target[:1], prediction[:1], linear[:1])
    scores.add(context[1:], target[1:], prediction[1:], linear[1:])
    figures = scores.figures()

    def psnr(levels: float) -> float:
        return 20 * np.log10(255 / levels)

    assert figures["prediction"]["psnr"] == pytest.approx((psnr(1) + psnr(3)) / 2, abs=1e-3)
    assert figures["prediction"]["best_of_samples"]["psnr"] == pytest.approx(psnr(1), abs=1e-3)
    assert figures["prediction"]["mse"] == pytest.approx((1 + 9) / 2 / 255**2 * 16 * 16 * 3, rel=1e-3)
    baselines = figures["baselines"]
    for still in ("copy_last", "flow"):  # where nothing moves the flow carries nothing on
        assert baselines[still]["psnr_by_step"] == pytest.approx([psnr(10)] * HORIZON, abs=1e-3)
    assert baselines["linear_extrapolation"]["psnr_by_step"] == pytest.approx([100, psnr(5), psnr(10)], abs=1e-3)
    assert "position_error" not in figures["prediction"]


def test_places_are_compared_for_the_slot_that_the_context_gave_an_object():
    num_frames = GIVEN + HORIZON
    true_ids = np.zeros((1, num_frames, 8, 8), dtype=np.uint8)
    true_ids[0, :, :2, :2], true_ids[0, :-1, 5:, 5:] = 1, 2  # object 2 is gone in the last frame
    position = np.stack([np.full((1, num_frames, 2), 1.0), np.full((1, num_frames, 2), 6.5)], 2).astype(np.float32)
    context = np.where(true_ids[:, :GIVEN] == 1, 3, np.where(true_ids[:, :GIVEN] == 2, 1, 0))  # slots 2 and 0
    pose = torch.full((1, num_frames, 3, len(poses.COMPONENTS)), 1000.0)
    pose[:, :, 2, :2], pose[:, :, 0, :2] = 1.0, 6.5
    samples = pose.repeat(2, 1, 1, 1)
    samples[1, GIVEN:, :, 0] += 3
    linear = pose.clone()
    linear[0, GIVEN:, :, 1] += torch.tensor([1.0, 2.0, 4.0])[:, None]
    scores = ForecastScores()
    frames = np.zeros((1, HORIZON, 8, 8, 3), dtype=np.uint8)
    scores.add(frames, frames, np.stack([frames, frames], 1), frames)
    truth = Truth(true_ids, position, position.shape[2])
    scores.add_places(truth, context, latents(samples), latents(linear))
    figures = scores.figures()
    assert figures["prediction"]["position_error"]["mean_by_step"] == pytest.approx([1.5] * HORIZON)
    assert figures["baselines"]["linear_extrapolation"]["position_error"]["median_by_step"] == pytest.approx([1, 2, 4])
    assert figures["baselines"]["copy_last"]["position_error"]["mean_by_step"] == pytest.approx([0] * HORIZON)


def test_samples_are_judged_by_how_far_they_stray():
    num_frames, num_samples = GIVEN + HORIZON, 3
    true_ids = np.zeros((1, num_frames, 8, 8), dtype=np.uint8)
    true_ids[0, :, 2:6, 2:6] = 1
    position = np.full((1, num_frames, 1, 2), 4.0, dtype=np.float32)
    pose = torch.full((num_samples, num_frames, 2, len(poses.COMPONENTS)), 4.0)
    pose[1, GIVEN:, 0, 0] += 3  # x strays to one side: the truth is the least of it; y does not stray at all
    pose[2, GIVEN:, 0, 0] += 6
    pose[2, GIVEN + 1, 0, 1] += 4
    pose[:, GIVEN:, 0, 0] += 0.5
    samples = latents(pose).replace(presence=torch.tensor([[1.0, 0.0]]).repeat(num_samples, 1))
    pose[..., 1, :2] += torch.arange(num_samples)[:, None, None]  # an empty slot may be anywhere
    frames = np.full((1, num_samples, HORIZON, 8, 8, 3), 50, dtype=np.uint8)
    frames[0, 2] += 10
    scores = ForecastScores()
    scores.add(frames[:, 0], frames[:, 0], frames, frames[:, 0])
    scores.add_samples(samples, num_samples, GIVEN)
    truth, linear = Truth(true_ids, position, position.shape[2]), samples.map(lambda code: code[:1])
    scores.add_places(truth, true_ids[:, :GIVEN], samples, linear)
    prediction = scores.figures()["prediction"]
    assert prediction["calibration"]["coverage_90_by_step"] == [0.5] * HORIZON  # y everywhere, x nowhere
    assert prediction["calibration"]["coverage_90_reachable"] == 0.5
    assert prediction["nearest_sample_error"]["mean_by_step"] == pytest.approx([0.5] * HORIZON)
    far = (3 + 52**0.5 + 5) / 3
    assert prediction["diversity"]["position_by_step"] == pytest.approx([4, far, 4])
    ten_levels = 20 * np.log10(255 / 10)
    assert prediction["diversity"]["psnr"] == pytest.approx((100 + 2 * ten_levels) / 3)
    assert prediction["best_of_samples"]["psnr_gap"] == pytest.approx((100 - ten_levels) / 3, abs=1e-3)


def test_a_single_sample_strays_from_nothing():
    frames = np.zeros((1, 1, HORIZON, 8, 8, 3), dtype=np.uint8)
    scores = ForecastScores()
    scores.add(frames[:, 0], frames[:, 0], frames, frames[:, 0])
    scores.add_samples(latents(torch.zeros(1, GIVEN + HORIZON, 2, len(poses.COMPONENTS))), 1, GIVEN)
    assert not {"diversity", "calibration"} & set(scores.figures()["prediction"])
