"""Sprites judged against one another: which are objects of their own, and which of them is nearer.

Legend: B clips, T frames, K slots, C channels, H W frame. Positions are (x, y) in px.
"""

from dataclasses import replace

import torch
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_params import ComparisonParams
from pipeline.autoencoder.sprites import Sprites, paste


def compare(
    frames: Tensor, background: Tensor, sprites: Sprites, mask: Tensor, object_px: float,
    params: ComparisonParams = DISCOVERY.comparison,
) -> Sprites:
    """Sets depth and presence by comparing the objects where their masks [B, T, K, H, W] lie; background
    [B, 1 or T, C, H, W]; object_px: width of a typical object.

    Depth: of two that overlap, the one whose picture explains the overlap better is nearer; 0 where none do. Presence:
    a slot that takes away little squared error where no other object is, such as a double of another or a fault of the
    background, loses it; only the most useless one of a clip at a time, since two doubles make each other useless.
    """
    H, W = frames.shape[-2:]
    drawn = paste(sprites.color / sprites.mask[:, :, None].clamp(min=0.05), sprites, H, W)
    error = (frames[:, :, None] - drawn).square().sum(3)
    # as layers, since a picture that lets much through says nothing of its colour
    color = paste(sprites.color, sprites, H, W) * sprites.visibility[..., None, None, None]
    layered = color + (1 - mask)[:, :, :, None] * background[:, :, None]
    gain = (frames - background).square().sum(2, keepdim=True) - (frames[:, :, None] - layered).square().sum(3)
    K = mask.shape[2]
    depth, worths = torch.zeros_like(sprites.depth), []
    for k in range(K):
        alone = mask[:, :, k]
        for j in range(K):
            if j == k:
                continue
            alone = alone * (1 - mask[:, :, j])
            overlap = mask[:, :, k] * mask[:, :, j]
            lead = (overlap * (error[:, :, j] - error[:, :, k])).sum((1, 2, 3))
            lead = lead / (params.overlap_ridge + params.overlap_error * overlap.sum((1, 2, 3)))
            depth[:, k] += params.max_depth * torch.tanh(lead)
        worths.append((alone * gain[:, :, k]).sum((1, 2, 3)) / frames.shape[1])
    worth = torch.where(sprites.presence > 0, torch.stack(worths, 1), torch.inf)
    least = worth.argmin(1, keepdim=True)
    contrast = noise(frames, background).clamp(min=params.min_contrast)
    wanted = (frames.shape[2] * object_px**2 * contrast.square())[:, None]
    useless = torch.zeros_like(worth).scatter(1, least, (worth.gather(1, least) < wanted).to(worth))
    return replace(sprites, depth=depth, presence=sprites.presence * (1 - useless))


def noise(frames: Tensor, background: Tensor) -> Tensor:
    """Standard deviation [B] of frames [B, T, C, H, W] around background [B, 1 or T, C, H, W] where that is what they
    show, grey levels: 1.48 median absolute differences, as long as objects cover less than half."""
    return 1.4826 * (frames - background).abs().flatten(1).median(1).values


def drop_parts(sprites: Sprites, params: ComparisonParams = DISCOVERY.comparison) -> Sprites:
    """Takes presence from all but the largest of sprites that move as one, side by side: parts of one object, which the
    largest then shows. What rests does not move as one with its neighbours."""
    centre, presence = sprites.centre, sprites.presence.clone()
    travels = (centre.amax(1) - centre.amin(1)).amax(-1) > params.travel_px
    size = sprites.mask.sum((2, 3)) * sprites.step.square()
    for k in range(presence.shape[1]):
        for other in range(presence.shape[1]):
            if other != k:
                apart = centre[:, :, k] - centre[:, :, other]
                usual = apart.median(1).values
                stray = (apart - usual[:, None]).norm(dim=-1).quantile(params.rigid_share, dim=1)
                reach = sprites.step[:, other] * sprites.patch_dim / 2
                one = travels[:, k] & (stray < params.rigid_px) & (usual.norm(dim=-1) < reach)
                smaller = size[:, k] <= size[:, other] if k > other else size[:, k] < size[:, other]
                presence[:, k] *= ~(one & (presence[:, other] > 0) & smaller)
    return replace(sprites, presence=presence)
