"""Clips seen otherwise: mirrored, turned, backwards. Motion in latents stays as likely as it was."""

import torch
from torch import Tensor

from pipeline.latents.latents import POSE, TIME_VARYING, Latents, LatentSpec

X, Y = POSE.index("x"), POSE.index("y")


def augment(clips: Latents, spec: LatentSpec, generator: torch.Generator) -> Latents:
    """Each clip mirrored in x, mirrored in y, with x and y exchanged (square frames only) and run backwards, each by
    the toss of a coin. Codes of what things look like stay, detail and deformations too: to the predictor they tell how big and how near,
    and how fast they change."""
    mirror_x, mirror_y, exchange, backwards = (
        torch.rand(len(clips.pose), generator=generator) < 0.5 for _ in range(4)
    )
    x, y, *rest = clips.pose.unbind(-1)
    x, y = _where(mirror_x, spec.width - x, x), _where(mirror_y, spec.height - y, y)
    if spec.width == spec.height:
        x, y = _where(exchange, y, x), _where(exchange, x, y)
    pose = torch.stack([x, y, *rest], -1)
    x, y, *rest = clips.camera.unbind(-1)
    x, y = _where(mirror_x, -x, x), _where(mirror_y, -y, y)
    if spec.width == spec.height:
        x, y = _where(exchange, y, x), _where(exchange, x, y)
    camera = torch.stack([x, y, *rest], -1)
    clips = clips.replace(pose=pose, camera=camera)
    codes = clips.items()
    return clips.replace(**{name: _where(backwards, codes[name].flip(1), codes[name]) for name in TIME_VARYING})


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (there.dim() - 1)), there, elsewhere)
