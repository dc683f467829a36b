import torch

from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.latents.matching import NOWHERE, in_order_of, same_objects

SPEC = LatentSpec(num_slots=3, background_dim=2, appearance_dim=2, height=64, width=64)


def latents(batch: int, num_frames: int, seed: int = 0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    codes = Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES})
    pose = codes.pose * torch.tensor([64.0, 64, 1, 1, 1, 0]) + torch.tensor([0.0, 0, 0, 0, 0, 1])
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


def test_slots_are_matched_by_their_tracks_one_to_one():
    there = latents(1, 5)
    there.pose[:, :, :, :2] = torch.tensor([[10.0, 10], [30, 30], [50, 50]])
    here = there.replace(pose=there.pose[:, :, [2, 0, 1]] + 0.5)
    assert same_objects(here, there).tolist() == [[2, 0, 1]]
    here.presence[0, 1] = 0
    assert same_objects(here, there.replace(presence=torch.tensor([[1.0, 1, 1]]))).tolist() == [[2, NOWHERE, 1]]
    fewer = Latents(**{name: code[:, :, :2] if name in ("pose", "deformation") else code[:, :2]
                       if name in ("appearance", "presence", "depth") else code for name, code in there.codes.items()})
    assert same_objects(fewer, there.replace(presence=torch.ones(1, 3))).tolist() == [[0, NOWHERE]]
