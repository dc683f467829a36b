import math

import pytest
import torch

from pipeline.autoencoder.camera import after, inverse, lay_out, matrix, reach, resample, shown, view
from pipeline.latents import camera_code


def some_picture(*shape: int) -> torch.Tensor:
    coarse = torch.rand(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=shape, mode="bicubic", align_corners=True)


def test_a_canvas_of_the_frames_size_is_what_every_frame_shows():
    canvas, camera = some_picture(12, 16), torch.randn(1, 3, 6)
    assert torch.equal(view(canvas, camera, 12, 16), canvas[:, None])


def test_whole_pixels_are_cut_out_exactly_and_the_edge_goes_on():
    canvas, camera = some_picture(20, 24), torch.zeros(1, 3, 6)
    camera[0, 1, :2] = torch.tensor([3.0, -2.0])
    camera[0, 2, 0] = 30
    frames = view(canvas, camera, 12, 16)[0]
    assert torch.equal(frames[0], canvas[0, :, 4:16, 4:20]) and torch.equal(frames[1], canvas[0, :, 2:14, 7:23])
    assert torch.equal(frames[2], canvas[0, :, 4:16, -1:].expand(2, 12, 16))


def test_zooming_in_shows_the_middle_enlarged():
    canvas, camera = torch.arange(32.0).expand(1, 1, 32, 32), torch.zeros(1, 1, 4)
    near = resample(canvas[:, None], camera + torch.tensor([0, 0, 2.0, 0]).log1p(), 32, 32)[0, 0, 0, 0]
    torch.testing.assert_close(near, 15.5 + (torch.arange(32) - 15.5) / 3)


@pytest.mark.parametrize("roll", [0.0, 0.2])
def test_frames_laid_out_and_seen_again_are_themselves(roll):
    frames, camera = some_picture(32, 32)[:, None].repeat(1, 2, 1, 1, 1), torch.zeros(1, 2, 6)
    camera[0, 1] = torch.tensor([2.5, -3.25, 0.1, roll, 1, 0])
    laid = lay_out(frames, camera, margin=8)
    assert laid.shape == (1, 2, 2, 48, 48)
    assert torch.equal(laid[0, 0, :, 8:40, 8:40], frames[0, 0])
    assert laid[0, 0].count_nonzero() == frames[0, 0].count_nonzero()
    again = torch.stack([view(laid[:, t], camera[:, t:t + 1], 32, 32)[:, 0] for t in range(2)], 1)
    torch.testing.assert_close(again[..., 2:-2, 2:-2], frames[..., 2:-2, 2:-2], atol=0.04, rtol=0)


def test_light_and_motion_are_learnable():
    canvas = some_picture(20, 20).requires_grad_()
    camera = torch.tensor([[[0.3, 0.2, 0.05, 0.1, 1.1, 0.1]]], requires_grad=True)
    frames = shown(canvas, camera, 12, 12)
    torch.testing.assert_close(frames, 1.1 * view(canvas, camera, 12, 12) + 0.1)
    frames.square().sum().backward()
    assert (camera.grad != 0).all() and canvas.grad.isfinite().all()


def some_motion(num_clips: int = 1, num_frames: int = 3, seed: int = 0) -> torch.Tensor:
    numbers = torch.rand(num_clips, num_frames, 4, generator=torch.Generator().manual_seed(seed)) - 0.5
    return numbers * torch.tensor([6.0, 6.0, 0.2, 0.6])


def test_a_camera_turned_clockwise_shows_the_background_turned_the_other_way():
    canvas, motion = some_picture(16, 16), torch.tensor([[[0.0, 0.0, 0.0, math.pi / 2]]])
    frame = resample(canvas[:, None], motion, 16, 16)[:, 0]
    torch.testing.assert_close(frame, canvas.rot90(1, (-2, -1)), atol=1e-5, rtol=0)


def test_mirrored_and_transposed_cameras_show_mirrored_and_transposed_frames():
    canvas, motion = some_picture(28, 28), some_motion()
    seen = resample(canvas[:, None], motion, 16, 16)
    for axis in (0, 1):
        mirrored = resample(canvas.flip(-1 - axis)[:, None], camera_code.mirrored(motion, axis), 16, 16)
        torch.testing.assert_close(mirrored, seen.flip(-1 - axis), atol=1e-5, rtol=0)
    exchanged = resample(canvas.mT[:, None], camera_code.transposed(motion), 16, 16)
    torch.testing.assert_close(exchanged, seen.mT, atol=1e-5, rtol=0)


def test_a_motion_and_its_inverse_lead_nowhere():
    motion, then = some_motion(seed=1), some_motion(seed=2)
    for nowhere in (after(motion, inverse(motion)), after(inverse(motion), motion)):
        torch.testing.assert_close(nowhere, torch.zeros(1, 3, 4), atol=1e-5, rtol=0)
    linear, further = matrix(motion)[..., :2], matrix(then)
    both = torch.cat([linear @ further[..., :2], linear @ further[..., 2:] + matrix(motion)[..., 2:]], -1)
    torch.testing.assert_close(matrix(after(motion, then)), both)


def test_a_hardly_turned_camera_sees_what_an_upright_one_does():
    canvas, motion = some_picture(28, 28), some_motion()
    upright = motion * torch.tensor([1, 1, 1, 0])
    hardly = upright + torch.tensor([0, 0, 0, 1e-6])
    frames = [resample(canvas[:, None], way, 16, 16) for way in (upright, hardly)]
    torch.testing.assert_close(*frames, atol=0.02, rtol=0)


def test_which_clips_are_taken_together_does_not_matter():
    canvas, motion = torch.cat([some_picture(28, 28)] * 2), some_motion(2)
    motion[1, :, 3] = 0
    frames = resample(canvas[:, None], motion, 16, 16)
    for b in range(2):
        assert torch.equal(frames[b], resample(canvas[b:b + 1, None], motion[b:b + 1], 16, 16)[0])


def test_a_canvas_must_reach_as_far_as_the_corners_of_what_is_seen():
    assert reach(torch.tensor([[3.0, -2.0, 0, 0], [-3, 2, 0, 0]]), 20, 40) == 3
    assert reach(torch.tensor([[0.0, 0, math.log(1.5), 0]]), 20, 40) == pytest.approx(10)
    assert reach(torch.tensor([[0.0, 0, 0, math.pi / 2]]), 20, 40) == pytest.approx(10, abs=1e-4)  # below and above
    turned = torch.tensor([[1.0, 0, 0, 0.1]])
    assert reach(turned, 40, 40) == pytest.approx(1 + 20 * (math.cos(0.1) + math.sin(0.1) - 1))
