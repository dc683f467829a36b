"""Clips seen otherwise: mirrored, turned, backwards. Motion in latents stays as likely as it was."""

import torch
from torch import Tensor

from pipeline.latents.latents import POSE, TIME_VARYING, Latents, LatentSpec
from pipeline.predictor.network_params import Augmentation

X, Y = POSE.index("x"), POSE.index("y")


def augment(clips: Latents, spec: LatentSpec, augmentation: Augmentation, generator: torch.Generator) -> Latents:
    """Each clip run backwards by the toss of a coin (reverse); also mirrored in x, mirrored in y, with x and y exchanged
    (motion; the last in square frames only). Codes of what things look like stay, detail and deformations too: to the predictor
    they tell how big and how near, and how fast they change. Where they tell how far an object reaches to either side, as of
    digits that turn back with their edge, `motion` is untrue to them; where motion backwards is another, as with walls that
    hold an object for a moment, both are."""
    if augmentation == "none":
        return clips
    if augmentation == "motion":
        clips = _seen_otherwise(clips, spec, generator)
    backwards, codes = _tossed(clips, generator), clips.items()
    return clips.replace(**{name: _where(backwards, codes[name].flip(1), codes[name]) for name in TIME_VARYING})


def _seen_otherwise(clips: Latents, spec: LatentSpec, generator: torch.Generator) -> Latents:
    mirror_x, mirror_y, exchange = (_tossed(clips, generator) for _ in range(3))
    def seen(code: Tensor, width: float, height: float) -> Tensor:
        x, y, *rest = code.unbind(-1)
        x, y = _where(mirror_x, width - x, x), _where(mirror_y, height - y, y)
        if spec.width == spec.height:
            x, y = _where(exchange, y, x), _where(exchange, x, y)
        return torch.stack([x, y, *rest], -1)
    # places count from a corner of the frame, the camera from its middle
    return clips.replace(pose=seen(clips.pose, spec.width, spec.height), camera=seen(clips.camera, 0, 0))


def _tossed(clips: Latents, generator: torch.Generator) -> Tensor:
    return torch.rand(len(clips.pose), generator=generator) < 0.5


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (there.dim() - 1)), there, elsewhere)
