"""Going on without learning: what a learned predictor starts from, and what it is measured against.

Legend: B batch, T frames, H horizon.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES, Code, Continuation, time_varying
from pipeline.latents.latents import Latents

FIT_FRAMES = 5
"""Frames at the end of the context that the line is fitted to."""
HALF_LIFE_FRAMES = 5.0
"""Frames in which the slope of a damped line falls to a half."""


def line_fit(track: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares line through the last FIT_FRAMES frames (or as many as there are) of track [B, T, ...].

    Returns its value at the last frame and its slope per frame, each [B, ...]; the slope of a single frame is 0.
    """
    recent = track[:, -FIT_FRAMES:].float()
    times = torch.arange(recent.shape[1], dtype=torch.float32, device=track.device)
    centred = times - times.mean()
    slope = torch.einsum("t,bt...->b...", centred / centred.square().sum().clamp(min=0.5), recent)
    return recent.mean(1) + slope * centred[-1], slope


def straight_on(track: Tensor, horizon: int) -> Tensor:
    """Continues track [B, T, ...] along its line: [B, H, ...]."""
    return _along_line(track, torch.arange(1, horizon + 1, device=track.device))


def damped(track: Tensor, horizon: int) -> Tensor:
    """Continues track [B, T, ...] along its line, whose slope halves every HALF_LIFE_FRAMES: [B, H, ...]."""
    steps = torch.arange(1, horizon + 1, device=track.device)
    return _along_line(track, (0.5 ** (steps / HALF_LIFE_FRAMES)).cumsum(0))


def held(track: Tensor, horizon: int) -> Tensor:
    """The last frame of track [B, T, ...] repeated: [B, H, ...]."""
    return track[:, -1:].expand(-1, horizon, *track.shape[2:])


def go_on(code: Code, track: Tensor, horizon: int) -> Tensor:
    """Continues a time-varying code [B, T, ..., numbers] as the table says it goes on: [B, H, ..., numbers]."""
    courses = {kind: _COURSES[kind](track, horizon) for kind in dict.fromkeys(code.goes_on)}
    if len(courses) == 1:
        return courses[code.goes_on[0]]
    return torch.stack([courses[kind][..., i] for i, kind in enumerate(code.goes_on)], -1)


def course(pose: Tensor, horizon: int) -> Tensor:
    """Continues poses [B, T, K, P] as the table says: their moving part, [B, H, K, P - 1]."""
    return poses.moving(go_on(CODES["pose"], pose, horizon))


def linear_extrapolation(context: Latents, horizon: int) -> Latents:
    """Continues every code as the table says: objects and the camera go straight on, turning and growing slows down;
    visibility, light and what things look like stay as they are.

    Returns context and continuation: `horizon` frames more than the context.
    """
    return context.append(**{code.name: go_on(code, context.codes[code.name], horizon) for code in time_varying()})


def _along_line(track: Tensor, ways: Tensor) -> Tensor:
    """Places along the line of track [B, T, ...] after `ways` [H], in frames of its slope: [B, H, ...]."""
    end, slope = line_fit(track)
    return end[:, None] + slope[:, None] * ways.view(-1, *[1] * (end.dim() - 1))


_COURSES: dict[Continuation, Callable[[Tensor, int], Tensor]] = {"line": straight_on, "held": held, "damped": damped}
