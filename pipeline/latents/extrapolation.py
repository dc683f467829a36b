"""Going straight on: what a learned predictor starts from, and what it is measured against.

Legend: B batch, T frames, K slots, P pose components, H horizon.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.latents.latents import NUM_CAMERA_MOVING, POSE, Latents

FIT_FRAMES = 5
"""Frames at the end of the context that the line is fitted to."""


def line_fit(track: Tensor) -> tuple[Tensor, Tensor]:
    """Least-squares line through the last FIT_FRAMES frames (or as many as there are) of track [B, T, ...].

    Returns its value at the last frame and its slope per frame, each [B, ...]; the slope of a single frame is 0.
    """
    recent = track[:, -FIT_FRAMES:].float()
    times = torch.arange(recent.shape[1], dtype=torch.float32, device=track.device)
    centred = times - times.mean()
    slope = torch.einsum("t,bt...->b...", centred / centred.square().sum().clamp(min=0.5), recent)
    return recent.mean(1) + slope * centred[-1], slope


def pace(track: Tensor) -> tuple[Tensor, Tensor]:
    """Place in the last frame and speed per frame, each [B, ..., 2], in x and y over all of track [B, T, ..., 2], T at least 2,
    whichever way it goes: an object that comes back from a wall keeps its speed. Least squares over the stretches between
    steps that say nothing of it, whose slopes differ in sign alone.

    Such a step holds a turn, part of it is the way back: the steps around it go opposite ways, and it is the shorter one of
    those that could hold it. Or the object rests: it goes less than half its usual way.
    """
    change = track.diff(dim=1)
    before, after = torch.cat([change[:, :1], change[:, :-1]], 1), torch.cat([change[:, 1:], change[:, -1:]], 1)
    length = torch.where(before * after < 0, change.abs(), torch.inf)
    beside = torch.full_like(length[:, :1], torch.inf)
    turns = (length < torch.cat([beside, length[:, :-1]], 1)) & (length <= torch.cat([length[:, 1:], beside], 1))
    way = change.norm(dim=-1, keepdim=True)
    usual = way.sort(1).values[:, None, (way.shape[1] - 1) // 2]  # torch's median may differ from run to run on CUDA
    rests = way < 0.5 * usual
    stretch = F.pad((turns | rests).cumsum(1), (0, 0) * (track.dim() - 2) + (1, 0))
    same = (stretch[:, :, None] == stretch[:, None]).to(track)  # [B, T, T, ...]
    count = same.sum(2)
    def centred(x: Tensor) -> Tensor:
        return x - (same * x[:, None]).sum(2) / count
    times = torch.arange(track.shape[1], dtype=track.dtype, device=track.device)
    time, place = centred(times.view(1, -1, *[1] * (track.dim() - 2)).expand_as(track)), centred(track)
    along = (same * (time * place)[:, None]).sum(2) / count
    speed = along.abs().sum(1) / time.square().sum(1).clamp(min=1e-3)
    return track[:, -1] - place[:, -1] + along[:, -1].sign() * speed * time[:, -1], speed


def straight_on(track: Tensor, horizon: int) -> Tensor:
    """Continues track [B, T, ...] along its line: [B, H, ...]."""
    end, slope = line_fit(track)
    steps = torch.arange(1, horizon + 1, device=track.device).view(-1, *[1] * (end.dim() - 1))
    return end[:, None] + slope[:, None] * steps


def held(track: Tensor, horizon: int) -> Tensor:
    """The last frame of track [B, T, ...] repeated: [B, H, ...]."""
    return track[:, -1:].expand(-1, horizon, *track.shape[2:])


def camera_straight_on(camera: Tensor, horizon: int) -> Tensor:
    """Continues camera [B, T, C]: its motion along its line, its light as it is; [B, H, C]."""
    moving = straight_on(camera[..., :NUM_CAMERA_MOVING], horizon)
    return torch.cat([moving, held(camera[..., NUM_CAMERA_MOVING:], horizon)], -1)


def linear_extrapolation(context: Latents, horizon: int) -> Latents:
    """Continues every object and the camera in a straight line, visibility, light, detail and
    deformations staying as they are.

    Returns context and continuation: `horizon` frames more than the context.
    """
    visibility = POSE.index("visibility")
    pose = straight_on(context.pose, horizon)
    pose[..., visibility] = held(context.pose, horizon)[..., visibility]
    return context.append(
        pose=pose, camera=camera_straight_on(context.camera, horizon), detail=held(context.detail, horizon),
        deformation=held(context.deformation, horizon),
    )
