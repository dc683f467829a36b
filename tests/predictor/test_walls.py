import numpy as np
import pytest
import torch

from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.walls import Walls

SPEC = LatentSpec(num_slots=1, background_dim=1, appearance_dim=1, height=64, width=64)
LOW, HIGH = 14.0, 50.0
AT_LOW = torch.logit(torch.tensor([LOW / 32, LOW / 32, 1 - 1e-6]))
"""Walls 14 px from the edges, all of the way back."""


def fly(place: np.ndarray, velocity: np.ndarray, num_frames: int, holds: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places [num_frames, N] and velocities [N] at the end of objects between two walls: mirrors, or such as hold
    them."""
    places = []
    for _ in range(num_frames):
        place = place + velocity
        beyond = np.minimum(place - LOW, 0) + np.maximum(place - HIGH, 0)
        velocity = np.where(beyond != 0, -velocity, velocity)
        place = place - (1 if holds else 2) * beyond
        places.append(place)
    return np.stack(places), velocity


def some_flights(holds: bool, number=400) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Context and future [N, 10, 2] of flights, and the velocity [N, 2] at the end of the context."""
    random = np.random.default_rng(0)
    place, velocity = random.uniform(LOW, HIGH, 2 * number), random.uniform(-3.5, 3.5, 2 * number)
    seen, velocity = fly(place, velocity, 10, holds)
    to_come = fly(seen[-1], velocity, 10, holds)[0]
    seen, to_come = (torch.from_numpy(x).float().view(10, number, 2).transpose(0, 1) for x in (seen, to_come))
    return seen, to_come, torch.from_numpy(velocity).float().view(number, 2)


def continued(walls: Walls, seen: torch.Tensor, velocity: torch.Tensor, of_mode=AT_LOW, features=None) -> torch.Tensor:
    """[N, 10, 2]: straight on from the last place in the context [N, T, 2], and back from walls."""
    start, number = seen[:, -1], len(seen)
    line = start[:, None] + velocity[:, None] * torch.arange(1, 11)[:, None]
    track = torch.cat([line, torch.zeros(number, 10, 1)], -1)[:, None, None]
    features = torch.zeros(number, 1, 1) if features is None else features
    back = walls(track, start[:, None, None], of_mode.expand(number, 1, 1, 3), features, seen[:, :, None])
    assert torch.equal(back[..., 2], track[..., 2])
    return back[:, 0, 0, :, :2]


def with_lost(logit: float) -> Walls:
    walls = Walls(SPEC, "none", 1)
    with torch.no_grad():
        walls.lost.fill_(logit)
        walls.trust.fill_(-10.0)
    return walls


@pytest.mark.parametrize("walls, holds", [
    (Walls(SPEC, "motion", 1), False), (with_lost(-10.0), False), (with_lost(10.0), True),
])
def test_tracks_come_back_from_mirrors_and_from_walls_that_hold(walls, holds):
    seen, to_come, velocity = some_flights(holds)
    error = (continued(walls, seen, velocity) - to_come).abs().amax(1)
    # almost at a wall counts as there: such an object is taken to go back without losing anything
    near = holds * (torch.minimum(seen[:, -1] - LOW, HIGH - seen[:, -1]) < 0.5)
    assert (error[near == 0] < 1e-3).all()
    straight = seen[:, -1:] + velocity[:, None] * torch.arange(1, 11)[:, None]
    assert ((straight - to_come).abs().amax(1) > 1).float().mean() > 0.3  # many of them meet a wall


@pytest.mark.parametrize("holds", [False, True])
def test_what_kind_of_walls_there_are_is_learned(holds):
    seen, to_come, velocity = some_flights(holds)
    walls, of_mode = Walls(SPEC, "none", 1), torch.nn.Parameter(torch.tensor([0.2, -0.7, 0.0]))
    optimiser = torch.optim.Adam([*walls.parameters(), of_mode], 2e-2)
    for _ in range(600):
        loss = (continued(walls, seen, velocity, of_mode) - to_come).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    lost = (10 * walls.lost).sigmoid()
    assert (lost > 0.8 if holds else lost < 0.1) and loss < 0.1
    torch.testing.assert_close(of_mode[:2].sigmoid() * 32, torch.tensor([LOW, LOW]), atol=0.3, rtol=0)


def test_a_turn_seen_tells_where_the_walls_of_an_object_are():
    walls = Walls(SPEC, "reverse", 1)
    # at 15: its turning point is 1 px to the left, where that wall is
    turned = torch.tensor([21.0, 19, 17, 15, 17, 19])
    seen = torch.stack([turned, torch.full((6,), 32.0)], -1)[None]
    velocity = torch.tensor([[4.0, 0.0]])
    def last(seen: torch.Tensor, trust: float) -> float:
        with torch.no_grad():
            walls.trust.fill_(trust)
        return continued(walls, seen, velocity)[0, -1, 0].item()
    assert last(seen, -10.0) == pytest.approx(100 - 19 - 40, abs=1e-3)  # 19 + 40 px, mirrored at 50
    weight = (1 - 1 / 9) ** 2  # of a correction by 1 px where 3 px are none
    assert last(seen, 10.0) == pytest.approx(102 * weight + 100 * (1 - weight) - 19 - 40, abs=1e-3)
    passes = seen + torch.tensor([9.0, 0.0])  # a turn 10 px away from the wall is a fault of the track
    assert last(passes, 10.0) == last(passes, -10.0)
    straight = seen.clone()
    straight[0, :, 0] = torch.arange(9.0, 21, 2)  # came by the wall and did not turn
    assert last(straight, 10.0) == last(straight, -10.0)


def test_walls_turn_back_another_point_where_looks_say_so():
    walls = Walls(SPEC, "reverse", 1)
    with torch.no_grad():
        walls.turning_point.weight.copy_(torch.tensor([[2.0], [0.0]]))
    seen = torch.tensor([[36.0, 32], [40, 32]])[None].expand(2, 2, 2)
    looks = torch.tensor([1.0, 0]).view(2, 1, 1)
    x = continued(walls, seen, torch.tensor([[4.0, 0.0]]).expand(2, 2), features=looks)[:, :4, 0]
    torch.testing.assert_close(x, torch.tensor([[44.0, 48, 44, 40], [44, 48, 48, 44]]), atol=1e-3, rtol=0)


def test_only_what_the_clips_can_teach_is_learned():
    kinds = ("motion", "reverse", "none")
    names = {kind: {name for name, _ in Walls(SPEC, kind, 1).named_parameters()} for kind in kinds}
    assert names["motion"] == set() and "turning_point.weight" in names["reverse"]
    assert names["none"] - names["reverse"] == {"lost"}


def test_walls_start_where_tracks_end():
    clips = Latents(**{name: torch.rand(50, *SPEC.shape(name, 10)) for name in CODES})
    clips.pose[..., 0], clips.pose[..., 1] = 10 + 44 * clips.pose[..., 0], 20 + 24 * clips.pose[..., 1]
    clips.presence[:25], clips.presence[25:] = 1.0, 0.0
    clips.pose[25:, ..., :2] = 0.0
    walls = Walls(SPEC, "motion", 1)
    torch.testing.assert_close(32 * walls.likely(clips).sigmoid(), torch.tensor([10.5, 20.5]), atol=0.6, rtol=0)
    clips.presence[:] = 0.0
    assert walls.likely(clips).isfinite().all()
