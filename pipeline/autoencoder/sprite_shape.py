"""How objects turn, grow and shrink: their shape in every frame, where a clip shows that it changes.

Sprites that only shift are fitted first, which smears the picture of an object that turns. So how it turns and grows is
first read from each pair of neighbouring frames and added up; after that shape, place and picture are fitted together.
An object that is hardly better explained so stays as it was: upright and of one size.

Legend: B clips, T frames, K slots, C channels, P patch side in samples.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_fit import (
    Patches,
    corrections,
    fit_picture,
    gradient,
    moved_and_reshaped,
    refine_track,
    shape_columns,
    shown,
)
from pipeline.autoencoder.sprite_params import SpriteParams
from pipeline.autoencoder.sprites import Sprites

Look = Callable[[Sprites], Patches]
"""What patches show along the tracks of some sprites."""


def find_shapes(
    look: Look, sprites: Sprites, params: SpriteParams = DISCOVERY.sprites,
) -> tuple[Sprites, Patches, Tensor | None]:
    """Fits the sprites again, each without and with a shape that changes, and keeps the latter where it is so much
    better that the object turns or changes its size. Returns the sprites, what their patches show, and which of them
    turn, bool [B, K], or None if none does."""
    everyone, patches = sprites.presence > 0, look(sprites)
    upright, shown_upright = _fitted(look, patches, sprites, None, params)
    turned = _by_pairs(look, patches, sprites, params)
    turning, shown_turning = _fitted(look, look(turned), turned, everyone, params)
    less = _misfit(shown_turning, turning, params) < params.turning * _misfit(shown_upright, upright, params)
    turns = everyone & less
    if not turns.any():
        return upright, shown_upright, None
    return upright.where(turns, turning), shown_upright.where(turns, shown_turning), turns


def _fitted(
    look: Look, patches: Patches, sprites: Sprites, turns: Tensor | None, params: SpriteParams,
) -> tuple[Sprites, Patches]:
    """Fits pictures and tracks in turn, and the shapes of those that turn, bool [B, K]; patches: what the sprites'
    patches show at first. Returns the sprites and what their patches show then."""
    sprites = fit_picture(patches, sprites, params)
    for i in reversed(range(params.shape_rounds)):
        sprites = refine_track(patches, sprites, i == 0, turns, params)
        patches = look(sprites)
        sprites = fit_picture(patches, sprites, params)
    return sprites, patches


def _misfit(patches: Patches, sprites: Sprites, params: SpriteParams) -> Tensor:
    """Squared error [B, K] that sprites leave in their patches, grey levels^2 px^2, summed over all frames; no sample
    counts more than `outlier`^2."""
    error = patches.frame - sprites.color[:, None] - (1 - sprites.mask[:, None, :, None]) * patches.background
    squared = error.square().sum(3, keepdim=True)
    squared = squared / (1 + squared / params.outlier**2)
    return (shown(patches, sprites) * squared).sum((1, 3, 4, 5)) * sprites.step.square()


def _by_pairs(look: Look, first: Patches, sprites: Sprites, params: SpriteParams) -> Sprites:
    """The sprites with scale and angle read from each pair of neighbouring frames, added up, and counted from their
    mean over the clip; first: what the sprites' patches show."""
    # samples that differ from the background and, as far as the smeared picture tells, lie inside the object
    differs = (first.frame - first.background).abs().amax(3, keepdim=True) / params.outlier
    inside = (sprites.mask > params.clear)[:, None, :, None]
    own = (shown(first, sprites) * differs.clamp(max=1) * inside)[:, :-1]
    before, later, patches = first.frame[:, :-1], sprites, first
    for i in range(params.shape_rounds):
        if i:
            patches = look(later)
        after, free = patches.frame[:, 1:], patches.free[:, 1:]
        slope_y, slope_x = gradient(after)
        of_scale, _, of_angle = shape_columns(slope_x, slope_y, torch.zeros_like(sprites.shape[:, 1:])).unbind(3)
        residual = after - before
        weight = own * free / (1 + residual.square().mean(3, keepdim=True) / params.outlier**2)
        slopes = torch.stack([slope_x, slope_y, of_scale, of_angle], 3)
        x, y, log_scale, angle = corrections(slopes, residual, weight, params)[0].unbind(-1)
        step = torch.stack([x, y, log_scale, torch.zeros_like(angle), angle], -1)
        later = moved_and_reshaped(later, torch.cat([torch.zeros_like(step[:, :1]), step], 1))
    shape = later.shape.cumsum(1)
    return replace(sprites, shape=shape - shape.mean(1, keepdim=True))
