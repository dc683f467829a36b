import math

import numpy as np
import pytest
import torch

from pipeline.metrics import calibration
from pipeline.predictor.block import PLACE_ERROR_PX
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import DeterministicParams, MixtureParams
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.rollout import rollout
from tests.forecasting.bouncing import CONTEXT, HORIZON, SPEC, clip_of

NUM_STEPS, NUM_SAMPLES, NOISE_PX = 200, 20, 0.2
SIZE = {"hidden_dim": 32, "num_layers": 1, "num_heads": 2}


def turning(batch: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tracks [B, K, T, 2] that turn left, right or not at all after the context, and the same as they are seen."""
    generator = torch.Generator().manual_seed(seed)
    start = 20 + 8 * torch.rand(batch, 3, 2, generator=generator)
    angle, speed = torch.rand(2, batch, 3, generator=generator)
    turn = math.pi / 2 * torch.randint(-1, 2, (batch, 3), generator=generator)
    angles = 2 * math.pi * angle[..., None] + turn[..., None] * (torch.arange(CONTEXT + HORIZON - 1) >= CONTEXT - 1)
    step = (1 + speed)[..., None, None] * torch.stack([angles.cos(), angles.sin()], -1)
    tracks = torch.cat([start[:, :, None], start[:, :, None] + step.cumsum(2)], 2)
    return tracks, tracks + NOISE_PX * torch.randn(tracks.shape, generator=generator)


def futures(architecture, spread: str, num_samples: int) -> tuple[np.ndarray, np.ndarray]:
    """Of a predictor trained on turning tracks: samples [B, S, H, K, 2] and truth [B, H, K, 2]."""
    torch.manual_seed(0)
    model = Predictor(PredictorConfig(architecture=architecture, spec=SPEC, context_frames=CONTEXT, horizon=HORIZON))
    clips = clip_of(turning(2000, 0)[1])
    model.fit_normalisation(clips)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for step in range(NUM_STEPS):
        batch = clips.map(lambda code, step=step: code[64 * (step % 31):][:64])
        loss = model.losses(batch.frames(0, CONTEXT), batch.frames(CONTEXT, CONTEXT + HORIZON))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        optimizer.param_groups[0]["lr"] = 3e-3 * (1 - step / NUM_STEPS)
    truth, seen = turning(40, 1)
    future = rollout(
        model.eval(), clip_of(seen).frames(0, CONTEXT), HORIZON, num_samples, torch.Generator().manual_seed(0), spread
    )
    place = future.pose[:, CONTEXT:, :, :2].unflatten(0, (40, num_samples))
    return place.numpy(), truth[:, :, CONTEXT:].transpose(1, 2).numpy()


@pytest.mark.slow
def test_samples_cover_an_open_future():
    single, truth = futures(DeterministicParams(**SIZE), "branches", 1)
    samples, _ = futures(MixtureParams(num_modes=6, **SIZE), "full", NUM_SAMPLES)
    one, several = (
        np.linalg.norm(place - truth[:, None], axis=-1)[:, :, -1].min(1).mean() for place in (single, samples)
    )
    assert several < 0.5 * one
    # samples are of tracks as they are seen, by somebody who is not sure of places
    error = math.hypot(NOISE_PX, PLACE_ERROR_PX) * np.random.default_rng(0).normal(size=truth.shape)
    counted = np.ones(truth.shape[1:3], bool)
    inside = [calibration.covered(*places, counted, 0.9) for places in zip(samples, truth + error, strict=True)]
    assert 0.8 < np.mean(inside) < 0.97
