"""Clips seen otherwise: mirrored, turned, backwards. Motion in latents stays as likely as it was."""

import torch
from torch import Tensor

from pipeline.latents.codes import CODES, time_varying
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.network_params import Augmentation


def augment(clips: Latents, spec: LatentSpec, augmentation: Augmentation, generator: torch.Generator) -> Latents:
    """Each clip run backwards by the toss of a coin (reverse); also mirrored in x, mirrored in y, with x and y
    exchanged (motion; the last in square frames only). Codes of what things look like stay, detail and deformations
    too: to the predictor they tell how big and how near, and how fast they change. Where they tell how far an object
    reaches to either side, as of digits that turn back with their edge, `motion` is untrue to them; where motion
    backwards is another, as with walls that hold an object for a moment, both are."""
    if augmentation == "none":
        return clips
    if augmentation == "motion":
        clips = _seen_otherwise(clips, spec, generator)
    backwards = _tossed(clips, generator)
    turned = {code.name: (code.backwards(clips.codes[code.name]), clips.codes[code.name]) for code in time_varying()}
    return clips.replace(**{name: _where(backwards, *pair) for name, pair in turned.items()})


def _seen_otherwise(clips: Latents, spec: LatentSpec, generator: torch.Generator) -> Latents:
    mirrors = [(axis, length, _tossed(clips, generator)) for axis, length in enumerate((spec.width, spec.height))]
    exchange = _tossed(clips, generator)
    codes = dict(clips.codes)
    for name, code in CODES.items():
        if code.mirrored:
            for axis, length, tossed in mirrors:
                codes[name] = _where(tossed, code.mirrored(codes[name], axis, length), codes[name])
        if code.transposed and spec.width == spec.height:
            codes[name] = _where(exchange, code.transposed(codes[name]), codes[name])
    return Latents(**codes)


def _tossed(clips: Latents, generator: torch.Generator) -> Tensor:
    return torch.rand(len(clips), generator=generator) < 0.5


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (there.dim() - 1)), there, elsewhere)
