import torch

from pipeline.autoencoder.camera import lay_out, resample, shown, view


def some_picture(*shape: int) -> torch.Tensor:
    coarse = torch.rand(1, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=shape, mode="bicubic", align_corners=True)


def test_a_canvas_of_the_frames_size_is_what_every_frame_shows():
    canvas, camera = some_picture(12, 16), torch.randn(1, 3, 5)
    assert torch.equal(view(canvas, camera, 12, 16), canvas[:, None])


def test_whole_pixels_are_cut_out_exactly_and_the_edge_goes_on():
    canvas, camera = some_picture(20, 24), torch.zeros(1, 3, 5)
    camera[0, 1, :2] = torch.tensor([3.0, -2.0])
    camera[0, 2, 0] = 30
    frames = view(canvas, camera, 12, 16)[0]
    assert torch.equal(frames[0], canvas[0, :, 4:16, 4:20]) and torch.equal(frames[1], canvas[0, :, 2:14, 7:23])
    assert torch.equal(frames[2], canvas[0, :, 4:16, -1:].expand(2, 12, 16))


def test_zooming_in_shows_the_middle_enlarged():
    canvas, camera = torch.arange(32.0).expand(1, 1, 32, 32), torch.tensor([[[0.0, 0.0, 0.0]]])
    near = resample(canvas[:, None], camera + torch.tensor([0, 0, 2.0]).log1p(), 32, 32)[0, 0, 0, 0]
    torch.testing.assert_close(near, 15.5 + (torch.arange(32) - 15.5) / 3)


def test_frames_laid_out_and_seen_again_are_themselves():
    frames, camera = some_picture(32, 32)[:, None].repeat(1, 2, 1, 1, 1), torch.zeros(1, 2, 5)
    camera[0, 1] = torch.tensor([2.5, -3.25, 0.1, 1, 0])
    laid = lay_out(frames, camera, margin=8)
    assert laid.shape == (1, 2, 2, 48, 48)
    assert torch.equal(laid[0, 0, :, 8:40, 8:40], frames[0, 0])
    assert laid[0, 0].count_nonzero() == frames[0, 0].count_nonzero()
    again = torch.stack([view(laid[:, t], camera[:, t:t + 1], 32, 32)[:, 0] for t in range(2)], 1)
    torch.testing.assert_close(again[..., 2:-2, 2:-2], frames[..., 2:-2, 2:-2], atol=0.04, rtol=0)


def test_light_and_motion_are_learnable():
    canvas = some_picture(20, 20).requires_grad_()
    camera = torch.tensor([[[0.3, 0.2, 0.05, 1.1, 0.1]]], requires_grad=True)
    frames = shown(canvas, camera, 12, 12)
    torch.testing.assert_close(frames, 1.1 * view(canvas, camera, 12, 12) + 0.1)
    frames.square().sum().backward()
    assert (camera.grad != 0).all() and canvas.grad.isfinite().all()
