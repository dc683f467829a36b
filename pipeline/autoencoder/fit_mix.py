"""Fits the shares by which forecasts are mixed, in closed form, on training clips of which the first half is given.

Legend: B clips, T frames of a sequence, C channels, H W frame.
"""

from collections.abc import Callable

import numpy as np
import torch

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.mix import Moments, moments, shares_of
from pipeline.autoencoder.training_set import TrainingSet
from pipeline.carrying.swing import fit_swing
from pipeline.frames.pixels import to_uint8
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latents import Latents
from pipeline.latents.matching import in_order_of
from pipeline.spacing import evenly_spaced
from pipeline.thresholds import PRESENT

MAX_CLIPS = 60
"""Training clips, evenly spaced, that the shares are fitted on: each is taken apart anew from its first half."""
MAX_SEQUENCES = 100
"""Training clips, evenly spaced, in which it is sought what swings."""


def num_given(num_frames: int) -> int:
    """Frames of a training sequence that count as given when shares are fitted; the others are the steps."""
    return (num_frames + 1) // 2


def num_steps(num_frames: int) -> int:
    """Steps that shares can be fitted for on sequences of so many frames; 0 where too few frames would be given."""
    given = num_given(num_frames)
    return num_frames - given if given >= 2 else 0


@torch.no_grad()
def fit_mix(model: Autoencoder, clips: TrainingSet, advance: Callable[[], None]) -> None:
    """Fits what swings, then both sets of shares, in place; `advance` is called after each clip that shares are fitted
    to."""
    mix = model.mix
    if mix is None:
        return
    given, horizon = num_given(clips.num_frames), num_steps(clips.num_frames)
    sequences = _some_sequences(clips)
    mix.know(fit_swing(sequences, given))
    found: dict[str, list[Moments]] = {"straight": [], "informed": []}
    for place in evenly_spaced(len(clips), MAX_CLIPS):
        frames, proposals = clips.frames(torch.tensor([place]), torch.arange(clips.num_frames)[None])
        context, target = frames[:, :given], frames[:, given:].cpu()
        latents, pictures = model.encode_with_pictures(context)
        straight = linear_extrapolation(latents, horizon).frames(given, clips.num_frames)
        informed = _with_known_tracks(straight, latents, model.encode_proposals(proposals))
        carried, last = model.carry_on(to_uint8(context[0]), horizon), latents.frames(given - 1, given)
        shown = model.decode(last, pictures)
        for name, future in {"straight": straight, "informed": informed}.items():
            drawn = model.decode(future, pictures)
            remainder = model.remainder(context[0, -1], last, shown, future, drawn)
            beside = carried.beside(drawn.frames.cpu(), drawn.alpha.cpu(), remainder.cpu())
            found[name].append(moments(beside, target))
        advance()
    mix.straight.copy_(shares_of(found["straight"]))
    mix.informed.copy_(shares_of(found["informed"]))


def _with_known_tracks(straight: Latents, context: Latents, whole: Latents) -> Latents:
    """The future of a context as in `straight`, but objects that the whole clip has as well go where they really
    went."""
    known = in_order_of(context, whole).frames(context.num_frames, whole.num_frames)
    is_known = (known.presence > PRESENT)[:, None, :, None]
    return straight.replace(pose=torch.where(is_known, known.pose, straight.pose))


def _some_sequences(clips: TrainingSet) -> np.ndarray:
    """Up to MAX_SEQUENCES clips, uint8 [n, T, H, W, C]."""
    return clips.read(clips.rows.numpy()[evenly_spaced(len(clips), MAX_SEQUENCES)])
