"""Changes training clips at random: mirrors them, exchanges x and y, runs them backwards."""

import torch
from torch import Tensor

from pipeline.latents.codes import CODES, time_varying
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.network_params import Augmentation


def augment(clips: Latents, spec: LatentSpec, augmentation: Augmentation, generator: torch.Generator) -> Latents:
    """Clips changed at random, each change by the toss of a coin for each clip. reverse: run backwards. motion: also
    mirrored in x, mirrored in y, and (in square frames) with x and y exchanged.

    Codes of looks stay as they are, detail and deformations too: the predictor reads from them how large and how near
    things are, and how fast they change. Two kinds of clips become untrue. Where looks tell how far an object reaches
    to either side (digits, which turn back with their edge), `motion` does not fit. Where motion backwards differs from
    motion forwards (walls that hold an object for a moment), neither does."""
    if augmentation == "none":
        return clips
    if augmentation == "motion":
        clips = _mirrored(clips, spec, generator)
    backwards = _tossed(clips, generator)
    both = {code.name: (code.backwards(clips.codes[code.name]), clips.codes[code.name]) for code in time_varying()}
    return clips.replace(**{name: _where(backwards, *pair) for name, pair in both.items()})


def _mirrored(clips: Latents, spec: LatentSpec, generator: torch.Generator) -> Latents:
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
    """A coin for each clip, bool [B]."""
    return torch.rand(len(clips), generator=generator) < 0.5


def _where(chosen: Tensor, there: Tensor, elsewhere: Tensor) -> Tensor:
    """there [B, ...] for the clips that are chosen [B], elsewhere [B, ...] for the others."""
    return torch.where(chosen.view(-1, *[1] * (there.dim() - 1)), there, elsewhere)
