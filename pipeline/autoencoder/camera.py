"""What the camera does: which part of the background each frame shows, and in what light.

The background is a canvas, larger than the frame by the same margin on every side. The frame's point u shows the canvas
point m' + (x, y) + exp(-log_zoom) (u - m), with m and m' the middles of frame and canvas, px; so a canvas without a
margin belongs to a camera that holds still, and is what every frame shows. Past the canvas its edge goes on.

Legend: B clips, T frames, C channels, H W frame, H' W' canvas.
"""

import torch
from torch import Tensor

from pipeline.autoencoder import resampling
from pipeline.latents import camera_code


def shown(canvas: Tensor, camera: Tensor, height: int, width: int) -> Tensor:
    """What frames [B, T, C, H, W] show of canvas [B, C, H', W'] where no object is; camera [B, T, CAMERA]."""
    return light(view(canvas, camera, height, width), camera)


def light(background: Tensor, camera: Tensor) -> Tensor:
    """background [B, 1 or T, C, H, W] under each frame's gain and brightness, camera [B, T, CAMERA]."""
    gain, brightness = camera_code.light(camera)[..., None, None, None].unbind(2)
    return background * gain + brightness


def view(canvas: Tensor, camera: Tensor, height: int, width: int) -> Tensor:
    """The part of canvas [B, C, H', W'] in each frame, [B, T, C, H, W], or [B, 1, C, H, W] where the canvas is the
    frame."""
    if canvas.shape[-2:] == (height, width):
        return canvas[:, None]
    return resample(canvas[:, None], camera, height, width)


def lay_out(frames: Tensor, camera: Tensor, margin: int) -> Tensor:
    """Each of the frames [B, T, C, H, W] where it lies on a canvas of that margin, zero around it:
    [B, T, C, H', W']."""
    log_zoom = camera_code.log_zoom(camera)
    back = camera_code.assemble_motion(-camera_code.place(camera) * log_zoom.exp()[..., None], -log_zoom)
    H, W = frames.shape[-2:]
    height, width = H + 2 * margin, W + 2 * margin
    x, y = _places(back, frames, height, width)
    laid = resample(frames, back, height, width)
    return laid * _within(y, H)[:, :, None, :, None] * _within(x, W)[:, :, None, None]


def resample(image: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
    """Images [B, 1 or T, C, h, w] as a camera with `motion` sees them, [B, T, C, height, width]; motion [B, T, ...] or
    the camera whose motion it is."""
    step, (x, y) = torch.exp(-camera_code.log_zoom(motion)), _places(motion, image, height, width)
    columns = resampling.weights(x, step, image.shape[-1], edge_goes_on=True)
    rows = resampling.weights(y, step, image.shape[-2], edge_goes_on=True)
    return rows[:, :, None] @ image @ columns[:, :, None].transpose(-1, -2)


def _places(motion: Tensor, image: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where a camera with `motion` reads images [..., h, w]: px along x [B, T, width] and along y [B, T, height]."""
    (h, w), (x, y) = image.shape[-2:], camera_code.place(motion).unbind(-1)
    step = torch.exp(-camera_code.log_zoom(motion))
    return resampling.spaced(w / 2 + x, step, width), resampling.spaced(h / 2 + y, step, height)


def _within(places: Tensor, num_pixels: int) -> Tensor:
    """1 for places on a line of num_pixels, 0 for those past its ends."""
    return ((places >= 0) & (places <= num_pixels)).to(places)
