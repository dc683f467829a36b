"""What the camera does: which part of the background each frame shows, and in what light.

The background is a canvas, larger than the frame by the same margin on every side. The frame's point u shows the canvas
point m' + (x, y) + exp(-log_zoom) (u - m), with m and m' the middles of frame and canvas, px; so a canvas without a margin
belongs to a camera that holds still, and is what every frame shows. Past the canvas its edge goes on.

Legend: B clips, T frames, C channels, H W frame, H' W' canvas.
"""

import torch
from torch import Tensor

from pipeline.latents.camera_code import COMPONENTS as CAMERA

GAIN, BRIGHTNESS = CAMERA.index("gain"), CAMERA.index("brightness")


def shown(canvas: Tensor, camera: Tensor, height: int, width: int) -> Tensor:
    """What frames [B, T, C, H, W] show of canvas [B, C, H', W'] where no object is; camera [B, T, CAMERA]."""
    return light(view(canvas, camera, height, width), camera)


def light(background: Tensor, camera: Tensor) -> Tensor:
    """background [B, 1 or T, C, H, W] under each frame's gain and brightness, camera [B, T, CAMERA]."""
    return background * camera[..., GAIN, None, None, None] + camera[..., BRIGHTNESS, None, None, None]


def view(canvas: Tensor, camera: Tensor, height: int, width: int) -> Tensor:
    """The part of canvas [B, C, H', W'] in each frame, [B, T, C, H, W], or [B, 1, C, H, W] where the canvas is the frame."""
    if canvas.shape[-2:] == (height, width):
        return canvas[:, None]
    return resample(canvas[:, None], camera, height, width)


def lay_out(frames: Tensor, camera: Tensor, margin: int) -> Tensor:
    """Each of the frames [B, T, C, H, W] where it lies on a canvas of that margin, zero around it: [B, T, C, H', W']."""
    x, y, log_zoom = camera[..., 0], camera[..., 1], camera[..., 2]
    zoom = log_zoom.exp()
    back = torch.stack([-x * zoom, -y * zoom, -log_zoom], -1)
    height, width = frames.shape[-2] + 2 * margin, frames.shape[-1] + 2 * margin
    inside = []
    for shift, num_places, num_pixels in ((back[..., 1], height, frames.shape[-2]), (back[..., 0], width, frames.shape[-1])):
        places = _places(shift, zoom, num_places, num_pixels)
        inside.append(((places >= 0) & (places <= num_pixels)).to(frames))
    return resample(frames, back, height, width) * inside[0][:, :, None, :, None] * inside[1][:, :, None, None]


def resample(image: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
    """Images [B, 1 or T, C, h, w] as a camera with `motion` [B, T, x y log_zoom ...] sees them: [B, T, C, height, width]."""
    step = torch.exp(-motion[..., 2])
    rows = _weights(motion[..., 1], step, height, image.shape[-2])
    columns = _weights(motion[..., 0], step, width, image.shape[-1])
    return rows[:, :, None] @ image @ columns[:, :, None].transpose(-1, -2)


def _weights(shift: Tensor, step: Tensor, num_places: int, num_pixels: int) -> Tensor:
    """Weights [B, T, num_places, num_pixels], linear between neighbours, that read a line of pixels at places `step` apart."""
    places = _places(shift, step, num_places, num_pixels).clamp(0.5, num_pixels - 0.5)
    pixels = torch.arange(num_pixels, device=shift.device, dtype=shift.dtype) + 0.5
    spread = step.clamp(min=1.0)[..., None, None]
    weights = (1 - (places[..., None] - pixels).abs() / spread).clamp(min=0)
    return weights / weights.sum(-1, keepdim=True)


def _places(shift: Tensor, step: Tensor, num_places: int, num_pixels: int) -> Tensor:
    """[B, T, num_places] px along a line of num_pixels: the middle moved by `shift`, the places `step` apart."""
    offsets = torch.arange(num_places, device=shift.device, dtype=shift.dtype) + 0.5 - num_places / 2
    return num_pixels / 2 + shift[..., None] + step[..., None] * offsets
