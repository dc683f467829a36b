import torch

from benchmarks.place_error import ERRORS, in_order_of, surprise_by_error
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.block import Block

SPEC = LatentSpec(num_slots=3, background_dim=2, appearance_dim=2, height=64, width=64)


def latents(batch: int, num_frames: int, seed: int = 0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    codes = Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES})
    pose = codes.pose * torch.tensor([64.0, 64, 1, 0]) + torch.tensor([0.0, 0, 0, 1])
    return codes.replace(pose=pose, presence=torch.ones_like(codes.presence))


def test_the_same_objects_come_into_the_same_slots_and_others_are_absent():
    whole = latents(4, 6)
    whole.pose[:, :4, :, :2] = torch.tensor([[10.0, 10], [30, 30], [50, 50]])
    order = torch.tensor([2, 0, 1])
    context = whole.frames(0, 4).replace(pose=whole.pose[:, :4, order] + 0.5)
    found = in_order_of(context, whole)
    assert torch.equal(found.pose, whole.pose[:, :, order]) and (found.presence == 1).all()
    elsewhere = context.replace(pose=context.pose.clone())
    elsewhere.pose[:, :, 1, :2] += 8
    assert in_order_of(elsewhere, whole).presence[0].tolist() == [1, 0, 1]
    half = context.replace(presence=torch.tensor([[1.0, 1, 0]]).expand(4, 3))
    assert in_order_of(half, whole).presence[0].tolist() == [1, 1, 0]


def test_the_error_that_was_made_surprises_least():
    """Middles that lie 0.4 px (standard deviation) beside the truth, and a predictor that believes in 0.05 px."""
    target = latents(400, 5)
    moving = target.pose[..., :3].transpose(1, 2)[:, :, None]
    error = 0.4 * torch.randn(moving.shape, generator=torch.Generator().manual_seed(1)) * torch.tensor([1.0, 1, 0])
    still = torch.zeros(400, 5, 5)
    block = Block(
        mode_logits=torch.zeros(400, 3, 1), moving=moving + error, moving_spread=torch.full_like(moving, 0.05),
        visibility_logits=torch.full(moving.shape[:-1], 6.0), means={"camera": still}, spreads={"camera": still + 1},
    )
    found = surprise_by_error(block, target)
    assert tuple(found) == ERRORS and min(found, key=found.get) == 0.4
