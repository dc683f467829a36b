import torch

from benchmarks.place_error import ERRORS, surprise_by_error
from pipeline.predictor.block import Block
from tests.latents.test_matching import latents


def test_the_error_that_was_made_surprises_least():
    """Middles that lie 0.4 px (standard deviation) beside the truth, and a predictor that believes in 0.05 px."""
    target = latents(400, 5)
    moving = target.pose[..., :5].transpose(1, 2)[:, :, None]
    of_place = torch.tensor([1.0, 1, 0, 0, 0])
    error = 0.4 * of_place * torch.randn(moving.shape, generator=torch.Generator().manual_seed(1))
    still = torch.zeros_like(target.camera)
    block = Block(
        mode_logits=torch.zeros(400, 3, 1), moving=moving + error, place_spread=torch.full_like(moving[..., :2], 0.05),
        visibility_logits=torch.full(moving.shape[:-1], 6.0),
        means={"camera": still}, spreads={"camera": still + 1},
    )
    found = surprise_by_error(block, target)
    assert tuple(found) == ERRORS and min(found, key=found.get) == 0.4
