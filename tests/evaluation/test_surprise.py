"""What surprised in a world of tracks that go straight on, to a predictor that says so."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.surprise import judge_surprise
from pipeline.latents import pose as poses
from pipeline.latents.latent_store import LatentStore, LatentWriter, open_latents
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import MixtureParams
from pipeline.predictor.predictor import Predictor
from tests.forecasting.bouncing import CONTEXT, HORIZON, SPEC, clip_of

NUM_TEST, AGO = 4, 5
"""AGO: of a sequence's first frame in its video."""
OBJECT_PX = 6.0


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    torch.manual_seed(0)
    model = Predictor(PredictorConfig(
        architecture=MixtureParams(kind="mixture", hidden_dim=16, num_layers=1, num_heads=2, num_modes=2), spec=SPEC,
        context_frames=CONTEXT, horizon=HORIZON,
    )).eval()
    model.residual_share.zero_()
    return model


def store(folder, num_val: int) -> LatentStore:
    """Slow objects; in one test clip one jumps, in another one vanishes."""
    random, count = torch.Generator().manual_seed(0), num_val + NUM_TEST
    start = torch.tensor([[10.0, 12], [24, 24], [38, 36]]) + torch.rand(count, 3, 2, generator=random)
    velocity = 0.4 * torch.rand(count, 3, 2, generator=random) - 0.2
    tracks = start[:, :, None] + velocity[:, :, None] * torch.arange(CONTEXT + HORIZON)[:, None]
    tracks += 0.05 * torch.randn(tracks.shape, generator=random)
    tracks[num_val + 1, 2, CONTEXT + 3:] -= torch.tensor([0.0, 9.0])
    clips = clip_of(tracks)
    clips.pose[num_val + 2, CONTEXT + 4:, 0, poses.COMPONENTS.index("visibility")] = 0
    videos = np.array([f"{i}.mkv" for i in range(count)])
    split = np.array(["val"] * num_val + ["test"] * NUM_TEST)
    writer = LatentWriter(folder / "latents.zarr", SPEC, videos, np.full(count, AGO), split,
                          num_frames=CONTEXT + HORIZON, fps=10, made_from={"frames": "f" * 64})
    writer.write(0, clips)
    writer.finish()
    return open_latents(folder / "latents.zarr")


def test_what_jumps_and_what_vanishes_is_named_with_its_frame(predictor, tmp_path):
    found = judge_surprise(store(tmp_path, 20), predictor, CONTEXT, OBJECT_PX, 48, 48)
    assert found["frames"] == NUM_TEST * HORIZON and found["validation_frames"] == 20 * HORIZON
    assert found["one_in_1000"]["promised"] == 1e-3
    assert found["one_in_1000"]["share"] <= found["one_in_100"]["share"] <= 10 / found["frames"]
    jumped, vanished = (next(one for one in found["moments"] if one["video_id"] == f"{video}.mkv")
                        for video in (21, 22))
    assert jumped["kind"] == "pose" and jumped["object"] == 3 and jumped["frame"] >= AGO + CONTEXT + 3
    assert vanished["kind"] == "vanished" and vanished["object"] == 1 and vanished["frame"] >= AGO + CONTEXT + 4
    rarities = [one["one_in"] for one in found["moments"]]
    assert rarities == sorted(rarities, reverse=True) and {jumped["one_in"], vanished["one_in"]} == set(rarities[:2])


def test_too_few_validation_frames_say_nothing(predictor, tmp_path):
    assert judge_surprise(store(tmp_path, 2), predictor, CONTEXT, OBJECT_PX, 48, 48) is None
