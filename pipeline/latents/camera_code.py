"""The code of the camera by names: what it does to the background in each frame, motion first, then light.

Nobody else knows the order of COMPONENTS: parts are read and put together by the functions here.

Legend: ... any leading axes (clips, frames), C components.
"""

import torch
from torch import Tensor

COMPONENTS = ("x", "y", "log_zoom", "roll", "gain", "brightness")
"""x, y: where the frame's middle lies on the background, px from that one's middle; log_zoom: natural log of how much
the frame enlarges it; roll: how far the camera is turned about that middle, clockwise, so that the background turns the
other way. Poses are places in the frame, whatever the camera does. A frame shows gain * background + brightness where
no object is, on the [0, 1] scale."""
UNITS = ("px", "px", "ln(1)", "rad", "1", "1")
NUM_MOVING = COMPONENTS.index("gain")
"""Components that are motion; the others are light."""

_PLACE = slice(0, 2)
_LOG_ZOOM = COMPONENTS.index("log_zoom")
_ROLL = COMPONENTS.index("roll")


def place(camera: Tensor) -> Tensor:
    """(x, y) [..., 2] px of a camera [..., C] or of its motion."""
    return camera[..., _PLACE]


def log_zoom(camera: Tensor) -> Tensor:
    """[...] of a camera [..., C] or of its motion."""
    return camera[..., _LOG_ZOOM]


def roll(camera: Tensor) -> Tensor:
    """[...] rad of a camera [..., C] or of its motion."""
    return camera[..., _ROLL]


def motion(camera: Tensor) -> Tensor:
    """[..., NUM_MOVING] of a camera [..., C]."""
    return camera[..., :NUM_MOVING]


def light(camera: Tensor) -> Tensor:
    """(gain, brightness) [..., 2] of a camera [..., C]."""
    return camera[..., NUM_MOVING:]


def assemble_motion(place: Tensor, log_zoom: Tensor, roll: Tensor) -> Tensor:
    """Motion [..., NUM_MOVING] of place [..., 2] px, log_zoom [...] and roll [...] rad."""
    return torch.cat([place, log_zoom[..., None], roll[..., None]], -1)


def assemble(motion: Tensor, light: Tensor) -> Tensor:
    """The camera [..., C] of motion [..., NUM_MOVING] and light [..., 2]."""
    return torch.cat([motion, light], -1)


def turned(points: Tensor, angle: Tensor) -> Tensor:
    """(x, y) [..., 2] turned about the origin by angle [...] rad, clockwise; as they are, to the bit, where it is 0."""
    (x, y), cos, sin = points.unbind(-1), angle.cos(), angle.sin()
    return torch.stack([cos * x - sin * y, sin * x + cos * y], -1)


def mirrored(camera: Tensor, axis: int, length: float = 0) -> Tensor:
    """The camera [..., C] of frames seen in a mirror: left and right exchanged (axis 0), or top and bottom (1). It
    counts from the frame's middle, so the `length` of the frame does not matter."""
    changed = camera.clone()
    for turns in (axis, _ROLL):
        changed[..., turns] = 0 - camera[..., turns]  # not -x, which makes a camera that holds still -0
    return changed


def transposed(camera: Tensor) -> Tensor:
    """The camera [..., C] of frames whose x and y are exchanged."""
    return assemble(assemble_motion(place(camera).flip(-1), log_zoom(camera), 0 - roll(camera)), light(camera))
