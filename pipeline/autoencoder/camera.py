"""What the camera does: which part of the background each frame shows, and in what light.

The background is a canvas, larger than the frame by the same margin on every side. The frame's point u shows the canvas
point m' + (x, y) + exp(-log_zoom) R(roll) (u - m), with m and m' the middles of frame and canvas, px, and R a rotation.
A canvas without a margin belongs to a camera that holds still: every frame shows all of it. Beyond the canvas its edge
goes on. Clips whose camera does not roll are read by two matrix products, the others point by point.

Legend: B clips, T frames, C channels, H W frame, H' W' canvas.
"""

import torch
from torch import Tensor

from pipeline.autoencoder import resampling
from pipeline.autoencoder.spatial_transform import each_its_way, look_through
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
    back, (H, W) = inverse(camera), frames.shape[-2:]
    height, width = H + 2 * margin, W + 2 * margin
    x, y = _places(back, frames, height, width)
    return resample(frames, back, height, width) * (_within(y, H) * _within(x, W))[:, :, None]


def within(motion: Tensor, frames: Tensor) -> Tensor:
    """[B, T, H, W] 1 where a camera with `motion` [B, T, NUM_MOVING] reads frames [..., H, W] within their edges, else
    0."""
    H, W = frames.shape[-2:]
    x, y = _places(motion, frames, H, W)
    return _within(y, H) * _within(x, W)


def inverse(motion: Tensor) -> Tensor:
    """The motion [..., NUM_MOVING] that undoes `motion` [..., NUM_MOVING], or that of a camera [..., CAMERA]."""
    log_zoom, roll = camera_code.log_zoom(motion), camera_code.roll(motion)
    place = camera_code.turned(-camera_code.place(motion), -roll) * log_zoom.exp()[..., None]
    return camera_code.assemble_motion(place, -log_zoom, -roll)


def after(outer: Tensor, inner: Tensor) -> Tensor:
    """The motion [..., NUM_MOVING] of two cameras in a row: the one with `outer` looks at the picture, and the one with
    `inner` looks at what that one sees. Either may be a camera [..., CAMERA]."""
    log_zoom, roll = camera_code.log_zoom(outer), camera_code.roll(outer)
    place = camera_code.turned(camera_code.place(inner), roll) * torch.exp(-log_zoom)[..., None]
    return camera_code.assemble_motion(
        camera_code.place(outer) + place, log_zoom + camera_code.log_zoom(inner), roll + camera_code.roll(inner)
    )


def matrix(motion: Tensor) -> Tensor:
    """[..., 2, 3] of a motion [..., NUM_MOVING]: from px of the frame to px of the canvas, both counted from their
    middles."""
    step, roll = torch.exp(-camera_code.log_zoom(motion)), camera_code.roll(motion)
    (x, y), cos, sin = camera_code.place(motion).unbind(-1), step * roll.cos(), step * roll.sin()
    return torch.stack([torch.stack([cos, -sin, x], -1), torch.stack([sin, cos, y], -1)], -2)


def reach(motion: Tensor, height: int, width: int) -> Tensor:
    """How far [...], px, the background seen by motion [..., T, NUM_MOVING] reaches beyond the frame, at most: the
    greatest shift plus the most that zooming out and rolling bring in. Zooming in counts as zooming out."""
    half = motion.new_tensor([width, height]) / 2
    widest = camera_code.assemble_motion(
        camera_code.place(motion), -camera_code.log_zoom(motion).abs(), camera_code.roll(motion)
    )
    growth = (matrix(widest)[..., :2].abs() @ half - half).amax(-2)
    return (camera_code.place(motion).abs().amax(-2) + growth).amax(-1)


def resample(image: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
    """Images [B, 1 or T, C, h, w] as a camera with `motion` sees them, [B, T, C, height, width]; motion
    [B, T, NUM_MOVING] or a camera [B, T, CAMERA]."""
    return each_its_way(
        rolls(motion), image, motion, lambda image, motion: _resample_upright(image, motion, height, width),
        lambda image, motion: _resample_turned(image, motion, height, width),
    )


def _resample_upright(image: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
    step, (x, y) = torch.exp(-camera_code.log_zoom(motion)), _places(motion, image, height, width)
    columns = resampling.weights(x[:, :, 0], step, image.shape[-1], edge_goes_on=True)
    rows = resampling.weights(y[..., 0], step, image.shape[-2], edge_goes_on=True)
    return rows[:, :, None] @ image @ columns[:, :, None].transpose(-1, -2)


def rolls(motion: Tensor) -> Tensor:
    """bool [B]: whether motion [B, T, ...] rolls in any frame of a clip; never on the meta device, which has no
    values."""
    roll = camera_code.roll(motion)
    return torch.zeros(len(roll), dtype=torch.bool) if roll.is_meta else (roll != 0).any(1)


def _resample_turned(image: Tensor, motion: Tensor, height: int, width: int) -> Tensor:
    if image.shape[1] == 1:
        return look_through(image[:, 0], matrix(motion), height, width)
    read = look_through(image.flatten(0, 1), matrix(motion).flatten(0, 1)[:, None], height, width)
    return read[:, 0].unflatten(0, motion.shape[:2])


def _places(motion: Tensor, image: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """Where a camera with `motion` reads images [..., h, w]: places along x and along y, px, each
    [B, T, height, width], but of length 1 along the other axis if no clip rolls."""
    (h, w), (x, y) = image.shape[-2:], camera_code.place(motion).unbind(-1)
    step, roll = torch.exp(-camera_code.log_zoom(motion)), camera_code.roll(motion)
    if not rolls(motion).any():
        return (resampling.spaced(w / 2 + x, step, width)[:, :, None],
                resampling.spaced(h / 2 + y, step, height)[..., None])
    across, down = (resampling.spaced(torch.zeros_like(step), step, side) for side in (width, height))
    grid = torch.stack(torch.broadcast_tensors(across[:, :, None], down[..., None]), -1)
    across, down = camera_code.turned(grid, roll[..., None, None]).unbind(-1)
    return w / 2 + x[..., None, None] + across, h / 2 + y[..., None, None] + down


def _within(places: Tensor, num_pixels: int) -> Tensor:
    """1 for places on a line of num_pixels, 0 for those past its ends."""
    return ((places >= 0) & (places <= num_pixels)).to(places)
