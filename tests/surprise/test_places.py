import math

import pytest
import torch

from pipeline.latents import pose as poses
from pipeline.predictor.block import Block
from pipeline.surprise.places import SITUATIONS, expected_surprise, situations, surprise_of_place

SIDE, OBJECT_PX, GIVEN = 64, 16.0, 3


def block(spread: tuple[float, ...], apart: float = 0.0) -> Block:
    """Of one object per spread, px, each with two modes, `apart` px from one another, in two frames."""
    K, M, h = len(spread), 2, 2
    moving = torch.full((1, K, M, h, poses.NUM_MOVING), 20.0)
    moving[:, :, 1, :, 0] += apart
    spreads = torch.tensor(spread).view(1, K, 1, 1, 1).expand_as(moving)
    logits = torch.tensor([0.0, 1.0]).expand(1, K, M)
    return Block(logits, moving, spreads, torch.zeros(1, K, M, h), {}, {})


@pytest.mark.parametrize("apart", [0.0, 1.0, 30.0])
def test_what_is_expected_is_the_mean_over_what_is_drawn(apart):
    told, slots, n = block((0.5, 4.0), apart), torch.arange(2), 20000
    random = torch.Generator().manual_seed(0)
    mode = (torch.rand(n, generator=random) < torch.sigmoid(torch.tensor(1.0))).long()
    share = torch.rand(2, n, 2, generator=random)
    spread = (torch.tensor([0.5, 4.0]).square() + 0.25**2).sqrt()[:, None, None]
    drawn = spread * 2 / math.pi * torch.log(torch.tan(math.pi / 2 * share)) + told.moving[0, :, mode, 0, :2]
    mean = surprise_of_place(told, drawn[None].expand(2, -1, -1, -1), slots).mean(-1)
    assert torch.allclose(expected_surprise(told, slots, 2), mean, atol=0.2)


def test_an_unsure_forecast_does_not_surprise_by_itself():
    told, slots = block((0.1, 6.0)), torch.arange(2)
    right = surprise_of_place(told, torch.full((2, 2, 2), 20.0), slots)
    assert (right[:, 1] - right[:, 0] > 5).all()
    assert ((right - expected_surprise(told, slots, 2)).abs() < 2).all()


def test_no_objects_no_places():
    nobody = torch.arange(0)
    assert expected_surprise(block((1.0,)), nobody, 2).shape == (2, 0)
    assert situations(torch.zeros(5, 0, 4), GIVEN, 1, OBJECT_PX, SIDE, SIDE).shape == (2, 0)


def tracks(*objects: list[tuple[float, float]]) -> torch.Tensor:
    """Poses [T, n, P] of objects at these places."""
    place = torch.tensor(objects).transpose(0, 1)
    return torch.cat([place, torch.zeros(*place.shape[:2], 1), torch.ones(*place.shape[:2], 1)], -1)


def test_situations_are_those_of_the_context_and_of_what_is_forecast_next():
    still, far = [(32.0, 32.0)] * 6, [(32.0, 11.0)] * 6
    passing = [(32.0 + 14 + 6, 32.0), (32 + 8, 32), (40, 52), (40, 52), (40, 52), (40, 52)]
    leaving = [(32.0, 32.0), (32, 32), (40, 32), (44, 32), (48, 32), (53, 32)]

    def names(pose: torch.Tensor, lasts: int = 0) -> list[list[str]]:
        return [[SITUATIONS[i] for i in row] for row in situations(pose, GIVEN, lasts, OBJECT_PX, SIDE, SIDE).tolist()]

    assert names(tracks(still)) == [["free"]] * 3
    assert names(tracks(still, passing)) == [["near another", "near another"]] * 3
    assert names(tracks(leaving)) == [["free"], ["free"], ["near the edge"]]
    assert names(tracks(leaving), lasts=1) == [["free"], ["near the edge"], ["near the edge"]]
    assert names(tracks(far)) == [["near the edge"]] * 3, "it may turn any frame"
    met = [(12.0, 32.0), (20, 32), (28, 32), (32, 32), (32, 32), (32, 32)]
    assert names(tracks(met)) == [["free"]] * 3, "a wall that was met is known"
    assert names(tracks(leaving, [(46.0, 50.0)] * 6))[2] == ["near both", "near another"]
