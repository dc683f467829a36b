"""A clip taken apart without learning: background, moving objects, their tracks and pictures.

Deterministic, differentiated nowhere, run once per clip (once per context when forecasting). Three rounds of tracking and
background estimation (each needs the other: a plain temporal median still contains whatever moves slowly), then the sprites.

Legend: B clips, T frames, K slots, C channels, H W frame, h w discovery grid, P patch side in samples.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from pipeline.autoencoder import sprites as sprite_fit
from pipeline.autoencoder.sprites import Sprites
from pipeline.autoencoder.tracking import Tracks, evidence, find_tracks
from pipeline.params import Params

NUM_ROUNDS = 3
NUM_SPRITE_STEPS = 9


class ProposalParams(Params):
    num_slots: int = Field(ge=1, le=32)
    """Most objects a clip can hold."""
    object_px: float = Field(gt=1)
    """Width of a typical object, px: sets the scale at which objects are looked for."""
    patch_dim: int = Field(ge=8, le=128)
    """Side of an object's picture, in samples."""


@dataclass(frozen=True)
class Proposals:
    background: Tensor
    """[B, C, H, W] in [0, 1]"""
    sprites: Sprites


@torch.no_grad()
def propose(frames: Tensor, params: ProposalParams) -> Proposals:
    """Takes clips [B, T, C, H, W] in [0, 1] apart."""
    H, W = frames.shape[-2:]
    cell = max(1, round(params.object_px / 8))
    small = F.avg_pool2d(frames.flatten(0, 1), cell).unflatten(0, frames.shape[:2])
    background = frames.median(1).values
    hint = None
    for _ in range(NUM_ROUNDS):
        small_background = F.avg_pool2d(background, cell)[:, None]
        tracks = find_tracks(small, small_background, params.num_slots, hint)
        moving = evidence(small, small_background)
        presence = prune(tracks, moving)
        hint = torch.where(presence[..., None] > 0, tracks.color, torch.nan)
        covered = F.interpolate(boxes(tracks, moving), size=(H, W), mode="bilinear", align_corners=False)
        background = estimate_background(frames, covered)
    sprites, background = _fit_sprites(frames, background, tracks, presence, cell, params)
    return Proposals(background, sprites)


def boxes(tracks: Tracks, moving: Tensor) -> Tensor:
    """Soft boxes [B, T, h, w] around whatever moves: they also cover an object's inside, which may look like background yet."""
    h, w = moving.shape[-2:]
    y, x = torch.arange(h, device=moving.device) + 0.5, torch.arange(w, device=moving.device) + 0.5
    weight = tracks.responsibility * moving[:, :, None] + 1e-6
    mass = weight.sum((3, 4))
    def reach(profile: Tensor, places: Tensor, centre: Tensor) -> Tensor:
        variance = (profile * (places - centre[..., None]).square()).sum(-1) / mass
        radius = (1.9 * variance.mean(1, keepdim=True).sqrt() + 1.0).clamp(2.5, 8.0)
        return torch.sigmoid(3 * (radius[..., None] - (places - centre[..., None]).abs()))
    inside_x = reach(weight.sum(3), x, tracks.centre[..., 0])
    inside_y = reach(weight.sum(4), y, tracks.centre[..., 1])
    there = (mass.median(1).values > 1.0).float()[:, None, :, None, None]
    return (there * inside_y[..., :, None] * inside_x[..., None, :]).amax(2)


def prune(tracks: Tracks, moving: Tensor) -> Tensor:
    """Presence [B, K] (0 or 1): drops slots with too little evidence, at rest, or a part or a double of a bigger one."""
    mass = (tracks.responsibility * moving[:, :, None]).sum((3, 4))
    bulk = mass.median(1).values
    spread = tracks.centre.quantile(0.95, dim=1) - tracks.centre.quantile(0.05, dim=1)
    presence = (bulk > 2.0) & (spread.amax(-1) > 0.75)
    slots = range(bulk.shape[1])
    for k in slots:
        for other in slots:
            if other != k:
                apart = tracks.centre[:, :, k] - tracks.centre[:, :, other]
                distance = apart.square().sum(-1).sqrt().median(1).values
                rigid = apart.std(1).amax(-1) < 0.5
                double = (distance < 2.0) | (rigid & (distance < 7.0))
                presence[:, k] &= ~(double & presence[:, other] & (bulk[:, k] < bulk[:, other]))
    return presence.float()


def estimate_background(frames: Tensor, covered: Tensor) -> Tensor:
    """Robust mean [B, C, H, W] of the frames where nothing covers them (covered [B, T, H, W] in [0, 1]); fills the rest."""
    weight = (1 - covered).clamp(0, 1).square()[:, :, None]
    known = weight.sum(1).clamp(max=1)
    trust = weight
    for scale in (0.2, 0.08, 0.04, 0.04):
        background = (trust * frames).sum(1) / trust.sum(1).clamp(min=1e-6)
        trust = weight / (1 + (frames - background[:, None]).square().mean(2, keepdim=True) / scale**2)
    return _fill(background, known)


def _fill(image: Tensor, known: Tensor) -> Tensor:
    """Replaces what is not known [B, 1, H, W] by ever wider averages of what is (push and pull)."""
    pushed = [(image * known, known)]
    while min(pushed[-1][0].shape[-2:]) > 1:
        pushed.append(tuple(F.avg_pool2d(x, 2, ceil_mode=True) for x in pushed[-1]))
    color, weight = pushed[-1]
    filled = color / weight.clamp(min=1e-6)
    for color, weight in reversed(pushed[:-1]):
        coarse = F.interpolate(filled, size=color.shape[-2:], mode="bilinear", align_corners=False)
        share = (4 * weight).clamp(max=1)
        filled = share * color / weight.clamp(min=1e-6) + (1 - share) * coarse
    return known * image + (1 - known) * filled


def _fit_sprites(frames: Tensor, background: Tensor, tracks: Tracks, presence: Tensor, cell: int,
                 params: ProposalParams) -> tuple[Sprites, Tensor]:
    B, T, C, H, W = frames.shape
    K, P = params.num_slots, params.patch_dim
    sprites = Sprites(
        centre=tracks.centre * cell, step=frames.new_full((B, K), 1.75 * params.object_px / P),
        color=frames.new_zeros(B, K, C, P, P), alpha=frames.new_zeros(B, K, P, P),
        visibility=frames.new_ones(B, T, K), depth=frames.new_zeros(B, K), presence=presence,
    )
    mask = F.interpolate((tracks.responsibility * presence[:, None, :, None, None]).flatten(0, 1), size=(H, W), mode="bilinear")
    mask = F.max_pool2d(mask, 3, stride=1, padding=1).unflatten(0, (B, T))
    for step in range(NUM_SPRITE_STEPS):
        free = sprite_fit.unoccluded(mask, sprites.depth)
        view = sprite_fit.look(frames, background[:, None].expand_as(frames), free, sprites)
        sprites = sprite_fit.fit_picture(view, sprites)
        if step > 0:
            sprites = sprite_fit.fit_visibility(view, sprites)
            sprites = sprite_fit.fit_depth(frames, sprites)
        sprites = sprite_fit.refine_track(view, sprites)
        if step in (2, 5):
            sprites = sprite_fit.normalise(sprites, margin=1.25)
        if step in (1, 3, 6, 8):
            sprites = drop(frames, background, sprites)
            background = estimate_background(frames, F.max_pool2d(sprite_fit.masks(sprites, H, W).amax(2), 3, stride=1, padding=1))
        mask = sprite_fit.masks(sprites, H, W)
    return sprites, background


def drop(frames: Tensor, background: Tensor, sprites: Sprites) -> Sprites:
    """Takes back the presence of sprites that explain next to nothing."""
    worth = sprite_fit.gain(frames, background, sprites)
    return replace(sprites, presence=sprites.presence * (worth > 0.3).float())
