"""A pose by names: where an object is in a frame, how its patch lies there, whether it shows.

A pose is one row of numbers, named by COMPONENTS: first the place, then the shape (what scales and turns), then the
visibility. Nobody else knows that order: parts are read and put together by the functions here, which take NumPy
arrays as well as tensors where they only read.

The patch is a square of samples; the matrix [2, 3] of a pose takes a point (x, y, 1) of it, counted in samples from its
middle, to the frame, px: it makes the patch wider and lower, turns it, and shifts it. `scale_and_shift` says which do
not turn, for those who know a faster way then.

Legend: ... any leading axes (clips, frames, slots), P components.
"""

import math
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

COMPONENTS = ("x", "y", "log_scale", "log_aspect", "angle", "visibility")
"""x, y: the object's centre in px from the frame's left and top edge; log_scale: natural log of its size relative to
the object patch; log_aspect: how much wider (and lower) than its picture, natural log of the factor along its own two
axes; angle: how far it is turned, radians, clockwise as seen; visibility: 1 in view, 0 hidden or out of the frame."""
UNITS = ("px", "px", "ln(1)", "ln(1)", "rad", "1")
NUM_MOVING = COMPONENTS.index("visibility")
"""Place and shape: components that are real numbers; visibility is a share."""
MAX_LOG_SCALE = math.log(16)
"""No picture is drawn more than 16 times smaller or larger than a patch, whatever a predictor may say."""

_PLACE = slice(0, 2)
_SHAPE = slice(2, NUM_MOVING)
_ANGLE = slice(COMPONENTS.index("angle"), NUM_MOVING)
_ASPECT_AND_ANGLE = slice(COMPONENTS.index("log_aspect"), NUM_MOVING)
_VISIBILITY = COMPONENTS.index("visibility")

Numbers = TypeVar("Numbers", Tensor, np.ndarray)


def description(object_px: float | None) -> str:
    """What the components mean, in a sentence; object_px: width of an object at log_scale 0, None: not known."""
    size = "" if object_px is None else f", so that it is {object_px:g} px exp(log_scale) wide"
    return (
        "x, y: its centre from the frame's left and top edge; log_scale: natural logarithm of its size, where 0 is "
        f"that of a typical object{size}; log_aspect: natural logarithm of how much wider and lower it is than its "
        "picture; angle: how far it is turned, clockwise; visibility: 1 in view, 0 hidden or out of the frame"
    )


def place(pose: Numbers) -> Numbers:
    """(x, y) [..., 2] px, of a pose [..., P] or of its moving part."""
    return pose[..., _PLACE]


def shape(pose: Numbers) -> Numbers:
    """What scales and turns, [..., 3], of a pose [..., P] or of its moving part."""
    return pose[..., _SHAPE]


def moving(pose: Numbers) -> Numbers:
    """Place and shape [..., NUM_MOVING] of a pose [..., P]."""
    return pose[..., :NUM_MOVING]


def visibility(pose: Numbers) -> Numbers:
    """[...] of a pose [..., P]."""
    return pose[..., _VISIBILITY]


def assemble(place: Tensor, shape: Tensor, visibility: Tensor | None = None) -> Tensor:
    """The pose [..., P] of place [..., 2], shape [..., 3] and visibility [...]; its moving part without the
    last."""
    parts = [place, shape] if visibility is None else [place, shape, visibility[..., None]]
    return torch.cat(parts, -1)


def hidden_outside(pose: Tensor, object_px: float, height: int, width: int) -> Tensor:
    """The pose [..., P] with visibility 0 where no part of the object, object_px wide at log_scale 0, lies in the frame
    of height x width px."""
    (x, y), reach = place(pose).unbind(-1), object_px * scale(pose) / 2
    inside = (x > -reach) & (x < width + reach) & (y > -reach) & (y < height + reach)
    return assemble(place(pose), shape(pose), visibility(pose) * inside)


def moved(pose: Tensor, by: Tensor) -> Tensor:
    """The pose [..., P] shifted by [..., 2] px."""
    return torch.cat([place(pose) + by, pose[..., _PLACE.stop:]], -1)


def grown(pose: Tensor, factor: float) -> Tensor:
    """The pose [..., P] of an object that is larger by `factor`."""
    larger = shape(pose) + pose.new_tensor([math.log(factor), 0, 0])
    return torch.cat([place(pose), larger, pose[..., NUM_MOVING:]], -1)


def scale(pose: Numbers) -> Numbers:
    """[...] size relative to the object patch, of a pose [..., P] or of its moving part."""
    log_scale = shape(pose)[..., 0]
    return log_scale.exp() if isinstance(log_scale, Tensor) else np.exp(log_scale)


def shape_of_step(step: Tensor, patch_dim: int, patch_px: float, shape: Tensor) -> Tensor:
    """The shape [..., 3] of objects whose patches of patch_dim samples have `step` [...] px between two of them and
    are shaped so [..., 3] beside that; patch_px: side of a patch at log_scale 0, px."""
    log_scale, log_aspect, angle = shape.unbind(-1)
    return torch.stack([log_scale + (step * patch_dim / patch_px).log(), log_aspect, angle], -1)


def matrix(place: Tensor, step: Tensor, shape: Tensor | None = None) -> Tensor:
    """[..., 2, 3]: from samples of a patch, counted from its middle, to px of the frame; place [..., 2], step [...] px
    between two samples, shape [..., 3] beside that (None: upright and as large as that). Factors end at
    exp(MAX_LOG_SCALE)."""
    if shape is None:
        zero = torch.zeros_like(step)
        linear = torch.stack([torch.stack([step, zero], -1), torch.stack([zero, step], -1)], -2)
    else:
        log_scale, log_aspect, angle = shape.unbind(-1)
        cos, sin = angle.cos(), angle.sin()
        width, height = (step * (log_scale + way * log_aspect).clamp(-MAX_LOG_SCALE, MAX_LOG_SCALE).exp()
                         for way in (1, -1))
        linear = torch.stack([
            torch.stack([cos * width, -sin * height], -1), torch.stack([sin * width, cos * height], -1)], -2)
    return torch.cat([linear, place[..., None]], -1)


def matrix_of(pose: Tensor, patch_dim: int, patch_px: float) -> Tensor:
    """[..., 2, 3] of a pose [..., P]: from samples of its patch to px of the frame."""
    return matrix(place(pose), torch.full_like(visibility(pose), patch_px / patch_dim), shape(pose))


def inverse(matrix: Tensor) -> Tensor:
    """The matrix [..., 2, 3] that leads back."""
    linear = torch.linalg.inv(matrix[..., :2])
    return torch.cat([linear, -linear @ matrix[..., 2:]], -1)


def after(outer: Tensor, inner: Tensor) -> Tensor:
    """The matrix [..., 2, 3] that does what inner does, and then what outer does."""
    linear = outer[..., :2]
    return torch.cat([linear @ inner[..., :2], linear @ inner[..., 2:] + outer[..., 2:]], -1)


def scale_and_shift(matrix: Tensor) -> Tensor:
    """bool [...]: which matrices [..., 2, 3] neither turn nor shear."""
    return (matrix[..., 0, 1] == 0) & (matrix[..., 1, 0] == 0)


def mirrored(pose: Tensor, axis: int, length: float) -> Tensor:
    """The pose [..., P] in a frame seen in a mirror: left and right exchanged (axis 0), or top and bottom (1); length:
    of the frame along that axis, px. A place alone will do as well."""
    changed = pose.clone()
    changed[..., axis] = length - pose[..., axis]
    changed[..., _ANGLE] *= -1  # nothing of a place alone
    return changed


def mirrored_shape(shape: Tensor) -> Tensor:
    """The shape [..., 3] of an object whose picture is seen in a mirror too."""
    return shape * shape.new_tensor([1, 1, -1])


def transposed_shape(shape: Tensor) -> Tensor:
    """The shape [..., 3] of an object whose picture has x and y exchanged too."""
    return shape * shape.new_tensor([1, -1, -1])


def transposed(pose: Tensor) -> Tensor:
    """The pose [..., P] in a frame whose x and y are exchanged. A place alone will do as well."""
    changed = torch.cat([place(pose).flip(-1), pose[..., _PLACE.stop:]], -1)
    changed[..., _ASPECT_AND_ANGLE] *= -1
    return changed
