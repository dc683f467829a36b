"""Scores of reconstructions and layers whose quality is known."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.reconstruction import ReconstructionScores, Truth
from pipeline.latents.latents import Latents


def test_reconstruction_is_set_beside_the_median_image():
    target = np.zeros((1, 3, 16, 16, 1), dtype=np.uint8)
    target[0, :, :] = np.array([100, 100, 130]).reshape(3, 1, 1, 1)
    scores = ReconstructionScores()
    scores.add(target, target + np.uint8(5))
    figures = scores.figures()
    assert set(figures) == {"reconstruction"}
    assert figures["reconstruction"]["psnr"] == pytest.approx(20 * np.log10(51), abs=1e-3)
    # Two frames are the median image itself (100 dB by definition), the third is 30 levels away from it.
    wanted = (100 + 100 + 20 * np.log10(8.5)) / 3
    assert figures["reconstruction"]["median_background_psnr"] == pytest.approx(wanted, abs=1e-3)


def test_layers_and_codes_that_are_the_truth_score_one():
    random = np.random.default_rng(0)
    scores = ReconstructionScores()
    for video in range(40):
        corner = random.integers(0, 10, (1, 6, 2))
        true_ids = np.zeros((1, 6, 16, 16), dtype=np.uint8)
        for t, (x, y) in enumerate(corner[0]):
            true_ids[0, t, y:y + 4, x:x + 4] = 1
        position = (corner + 2.0)[:, :, None].astype(np.float32)
        pose = torch.zeros(1, 6, 2, 6)
        pose[0, :, 1, :2] = torch.from_numpy(position[0, :, 0])
        appearance = torch.from_numpy(random.normal(size=(1, 2, 3))).float()
        flat = torch.zeros(1, 2)
        latents = Latents(
            background=torch.zeros(1, 4), appearance=appearance, presence=flat, depth=flat, camera=torch.zeros(1, 6, 2),
            pose=pose,
        )
        scores.add(np.zeros((1, 6, 16, 16, 1), np.uint8), np.zeros((1, 6, 16, 16, 1), np.uint8))
        scores.add_layers(Truth(true_ids, position, 1), true_ids * 2, latents, np.array([f"video {video}"]))
    figures = scores.figures()
    assert figures["decomposition"] == {"fg_ari": None, "fg_miou": 1.0, "identity_consistency": 1.0}
    assert figures["disentanglement"]["position_r2_time_varying"] > 0.999
    assert figures["disentanglement"]["position_r2_time_independent"] < 0.2
