import numpy as np
import pytest
import torch

from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.extrapolation import (
    HALF_LIFE_FRAMES,
    course,
    damped,
    held,
    line_fit,
    linear_extrapolation,
    straight_on,
)
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(
    num_slots=2, background_dim=3, appearance_dim=4, height=16, width=24, detail_dim=2, deformation_dim=1
)


@pytest.mark.parametrize("num_frames", [2, 3, 5, 9])
def test_the_line_is_that_of_least_squares_over_the_last_five(num_frames):
    track = torch.randn(4, num_frames, 3, generator=torch.Generator().manual_seed(0))
    recent = track[:, -5:]
    for b in range(4):
        for c in range(3):
            slope, start = np.polyfit(np.arange(recent.shape[1]), recent[b, :, c].numpy(), 1)
            wanted = start + slope * (recent.shape[1] - 1 + np.arange(1, 7))
            np.testing.assert_allclose(straight_on(track, 6)[b, :, c], wanted, atol=1e-4)


def test_a_single_frame_stays():
    end, slope = line_fit(torch.full((1, 1, 2), 3.0))
    assert end.tolist() == [[3, 3]] and slope.tolist() == [[0, 0]]


def test_a_damped_line_comes_to_rest():
    track = 3.0 * torch.arange(6.0)[None, :, None]
    course = damped(track, 200)[0, :, 0]
    assert 15 < course[0] < 18 and (course.diff() > 0)[:20].all()
    half_life = int(HALF_LIFE_FRAMES)
    torch.testing.assert_close(course.diff()[half_life] * 2, course.diff()[0])
    ways = 0.5 ** (torch.arange(1, 201) / HALF_LIFE_FRAMES)
    torch.testing.assert_close(course[-1], 15 + 3 * ways.sum())


def test_held_repeats_the_last_frame():
    track = torch.arange(6.0).reshape(1, 3, 2)
    assert held(track, 2).tolist() == [[[4, 5], [4, 5]]]


def test_poses_go_straight_on_and_the_rest_stays():
    generator = torch.Generator().manual_seed(0)
    context = Latents(**{name: torch.rand(3, *SPEC.shape(name, 6), generator=generator) for name in CODES})
    future = linear_extrapolation(context, 4).check(SPEC)
    assert future.num_frames == 10
    assert torch.equal(future.pose[:, :6], context.pose) and torch.equal(future.camera[:, :6], context.camera)
    visibility = poses.COMPONENTS.index("visibility")
    assert torch.equal(poses.place(future.pose[:, 6:]), poses.place(straight_on(context.pose, 4)))
    assert torch.equal(poses.shape(future.pose[:, 6:]), poses.shape(damped(context.pose, 4)))
    assert torch.equal(course(context.pose, 4), poses.moving(future.pose[:, 6:]))
    assert torch.equal(future.pose[:, 6:, :, visibility], context.pose[:, 5:6, :, visibility].expand(3, 4, 2))
    assert torch.equal(future.camera[:, 6:, :4], straight_on(context.camera, 4)[..., :4])
    assert torch.equal(future.camera[:, 6:, 4:], context.camera[:, 5:6, 4:].expand(3, 4, 2))
    assert torch.equal(future.detail[:, 6:], context.detail[:, 5:6].expand(3, 4, 2))
    assert torch.equal(future.deformation[:, 6:], context.deformation[:, 5:6].expand(3, 4, 2, 1))
    assert future.appearance is context.appearance
