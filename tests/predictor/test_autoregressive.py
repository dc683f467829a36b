import pytest
import torch

from pipeline.latents.latents import DIMS, Latents, LatentSpec
from pipeline.predictor.autoregressive import AutoregressivePredictor
from pipeline.predictor.network_params import AutoregressiveParams
from pipeline.predictor.predictor_config import PredictorConfig

SPEC = LatentSpec(
    num_slots=3, background_dim=5, appearance_dim=7, height=32, width=48, detail_dim=2, deformation_dim=1
)


@pytest.fixture(scope="module")
def predictor() -> AutoregressivePredictor:
    torch.manual_seed(0)
    model = AutoregressivePredictor(PredictorConfig(
        architecture=AutoregressiveParams(hidden_dim=16, num_layers=2, num_heads=2, num_modes=3), spec=SPEC,
        context_frames=6, horizon=4,
    ))
    model.fit_normalisation(clips(50, 10))
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def clips(batch: int, num_frames: int) -> Latents:
    generator = torch.Generator().manual_seed(0)
    codes = Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in DIMS})
    return codes.replace(pose=codes.pose * torch.tensor([48.0, 32, 1, 1]))


@torch.no_grad()
def test_cached_keys_and_values_change_nothing(predictor):
    """Frame by frame, also far beyond the frames that are looked at, and several frames at once."""
    latents = clips(4, 25)
    whole, _ = predictor._blocks(latents, None, 0)
    cache, known, parts = None, 0, []
    for stop in (2, 3, 4, 7, 8, 9, 19, 20, 21, 25):
        block, cache = predictor._blocks(latents.frames(0, stop), cache, known)
        known = stop
        parts.append(block)
    assert all(keys.shape[2] == predictor.window == 10 for keys, _ in cache)
    for name, wanted, *found in zip(whole._fields, whole, *parts):
        torch.testing.assert_close(torch.cat(found, 1), wanted, rtol=1e-3, atol=1e-4, msg=name)


@torch.no_grad()
def test_no_frame_is_predicted_from_itself_or_later_ones(predictor):
    latents = clips(4, 12)
    later = latents.replace(pose=torch.cat([latents.pose[:, :7], latents.pose[:, 7:] + 5], 1))
    one, other = (predictor._blocks(codes, None, 0)[0].moving for codes in (latents, later))
    assert torch.equal(one[:, :7], other[:, :7]) and not torch.equal(one[:, 7], other[:, 7])
