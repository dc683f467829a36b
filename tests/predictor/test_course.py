"""Where the modes of an object lead: lines, headings, walls."""

import math

import pytest
import torch

from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.predictor.rollout import rollout
from tests.predictor.some_latents import draws, some_latents
from tests.predictor.some_predictors import ARCHITECTURES, set_motion, untrained


def test_lines_come_back_from_walls_inside_the_frame():
    model = untrained("deterministic")
    # Walls 6 px from the left and right edges and 4 px from the others (a quarter of half the frame).
    set_motion(model, walls=(-math.log(3), -math.log(3), 100.0))
    context = some_latents(1)
    for slot, (start, speed) in enumerate([((30, 16), (3, 0)), ((20, 10), (-4, 2)), ((24, 24), (0, 1))]):
        for c in range(2):
            context.pose[0, :, slot, c] = start[c] + speed[c] * torch.arange(-9.0, 1.0)
    future = rollout(model, context, 4, 1, draws()).pose[0, 10:, :, :2]
    wanted = torch.tensor([
        [[33, 16], [16, 12], [24, 25]], [[36, 16], [12, 14], [24, 26]], [[39, 16], [8, 16], [24, 27]],
        [[42, 16], [8, 18], [24, 28]],
    ])
    torch.testing.assert_close(future, wanted.float(), atol=1e-3, rtol=0)
    context.pose[..., 1] += 3
    beyond = rollout(model, context, 4, 1, draws()).pose[0, 10:, 2, 1]
    torch.testing.assert_close(beyond, torch.tensor([28.0, 27, 26, 25]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("augmentation", ["reverse", "none"])
def test_an_object_may_turn_back_with_a_point_beside_its_middle(augmentation):
    model = untrained("deterministic", augmentation)
    set_motion(model, walls=(-math.log(3), -math.log(3), 100.0))
    with torch.no_grad():  # the walls are 6 px from the edges, the point is 2 px to the right of the place
        model.walls.turning_point.bias.copy_(torch.tensor([2.0, 0.0]))
        if augmentation == "none":
            model.walls.lost.fill_(-10.0)
    context, times = some_latents(1), torch.arange(-9.0, 1.0)
    context.pose[..., 1] = 16.0
    context.pose[0, :, 0, 0], context.pose[0, :, 1, 0] = 36 + 3 * times, 9 - 3 * times
    future = rollout(model, context, 4, 1, draws()).pose[0, 10:, :2, 0].T
    wanted = torch.tensor([[39.0, 38, 35, 32], [6, 5, 8, 11]])
    torch.testing.assert_close(future, wanted, atol=1e-3, rtol=0)


def test_a_turn_in_the_context_tells_where_the_other_wall_is():
    model, context = untrained("deterministic", "reverse"), some_latents(1, 6)
    # at its pace between walls 14.4 px from the left and right edges
    set_motion(model, walls=(math.log(1.5), -math.log(3), 100.0), follows=[100.0, 0, 0, 0, 100, 0, 0, 0])
    context.pose[..., 0] = torch.tensor([25.0, 21, 17, 21, 25, 29])[:, None]  # came back 2.6 px before the wall
    context.pose[..., 1] = 16.0
    def way(trust: float) -> torch.Tensor:
        model.walls.trust.data.fill_(trust)
        return model(context).moving[0, 0, 0, :, 0]
    mirrored_at = 33.6 + 2.6 * (1 - (2.6 / 3) ** 2) ** 2
    torch.testing.assert_close(way(-10.0), torch.tensor([33.0, 30.2, 26.2, 22.2]), atol=1e-3, rtol=0)
    torch.testing.assert_close(way(10.0)[1:], 2 * mirrored_at - torch.tensor([37.0, 41, 45]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_training_starts_with_walls_where_tracks_end(kind):
    model, clips = untrained(kind), some_latents(50)
    model.fit_normalisation(clips.replace(pose=8 + 16 * torch.rand_like(clips.pose), presence=torch.ones(50, 3)))
    walls = model._of_modes(model.moving.bias)[1][:, :2].sigmoid() * torch.tensor([24.0, 16.0])
    torch.testing.assert_close(walls, torch.full_like(walls, 8.0), atol=0.5, rtol=0)


def test_modes_start_all_around_and_keep_the_speed():
    model, context = untrained("mixture"), some_latents(1)
    set_motion(model, heading=(0.0, 0.0))
    context.pose[..., 0], context.pose[..., 1] = 20 + 2 * torch.arange(10.0)[:, None], 16 + torch.arange(10.0)[:, None]
    way = model(context).moving[0, 0, :, :, :2] - context.pose[0, -1, 0, :2]
    wanted = torch.tensor([[2.0, 1], [-1, 2], [-2, -1], [1, -2]])[:, None] * torch.arange(1.0, 5)[:, None]
    torch.testing.assert_close(way, wanted, atol=1e-3, rtol=0)
    set_motion(model, heading=(math.pi / 2, -0.5))
    slower = model(context).moving[0, 0, 0, :, :2] - context.pose[0, -1, 0, :2]
    torch.testing.assert_close(slower, wanted[1] / 2, atol=1e-3, rtol=0)


def test_turned_tracks_come_back_from_walls_as_well():
    model, context = untrained("mixture"), some_latents(1)
    set_motion(model, heading=(0.0, 0.0), walls=(-math.log(3), -math.log(3), 100.0))
    context.pose[..., 0], context.pose[..., 1] = 20 + 3 * torch.arange(-9.0, 1)[:, None], 20.0
    down = model(context).moving[0, 0, 1, :, 1]  # the wall is at 28 px
    torch.testing.assert_close(down, torch.tensor([23.0, 26, 27, 24]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("follows", [[100.0, 0, 0, 0], [0.0, 0, 100, 0], [0.0, 0, 0, 100]])
def test_a_track_may_follow_its_pace_its_last_two_frames_or_its_way_before_mirrored(follows):
    """A ball that came back from a wall on the left two frames ago."""
    model, context = untrained("deterministic"), some_latents(1, 6)
    x, y = torch.tensor([9.0, 7, 5, 3, 4, 6]), torch.arange(6.0)
    context.pose[..., 0], context.pose[..., 1] = x[:, None], y[:, None]
    set_motion(model, follows=[*follows, 0.0, 100, 0, 0])
    way = model(context).moving[0, 0, 0, -1, :2]
    torch.testing.assert_close(way, torch.tensor([14.0, 9.0]), atol=1e-3, rtol=0)


def test_modes_within_their_spread_are_averaged():
    model = untrained("mixture")
    set_motion(model, beside=[-0.1, 0.1, -0.1, 0.1])
    context = some_latents(1)
    line = linear_extrapolation(context, 4).pose[:, 10:, :, 0]
    future = rollout(model, context, 4, 20, draws()).pose[:, 10:, :, 0]
    assert ((future - line).abs() < 0.03).all()


def test_modes_are_drawn_by_their_probability():
    model = untrained("mixture")
    chances = torch.tensor([0.5, 0.3, 0.2, 1e-9])
    set_motion(model, beside=[0.0, 100.0, 200.0, 300.0])  # far beyond their spread
    model.mode_logits.bias.data.copy_(chances.log())
    context = some_latents(1)
    line = linear_extrapolation(context, 4).pose[:, -1, :, 0]
    beside = (rollout(model, context, 4, 4000, draws()).pose[:, -1, :, 0] - line) / 100
    counts = torch.stack([(beside - m).abs() < 0.01 for m in range(4)]).float().mean((1, 2))
    torch.testing.assert_close(counts, chances, atol=0.02, rtol=0)
