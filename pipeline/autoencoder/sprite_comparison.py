"""Sprites judged against one another: which are objects of their own, and which of them is nearer.

Legend: B clips, T frames, K slots, C channels, H W frame, h w window. Positions are (x, y) in px.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.medians import median
from pipeline.autoencoder.sprite_params import ComparisonParams
from pipeline.autoencoder.sprites import Sprites, paste
from pipeline.autoencoder.sums import squared
from pipeline.autoencoder.windows import Windows

ENOUGH = 2**17
"""Numbers whose median is taken for that of all: it is then known to a third of a per cent, if they are the sizes of
normal ones."""


def compare(
    frames: Tensor, background: Tensor, sprites: Sprites, windows: Windows, object_px: float,
    params: ComparisonParams = DISCOVERY.comparison,
) -> Sprites:
    """Sets depth and presence by comparing the objects where their masks lie; frames [B, T, C, H, W], background
    [B, 1 or T, C, H, W]; windows: those of the sprites; object_px: width of a typical object.

    Depth: of two objects that overlap, the one whose picture explains the overlap better is nearer; 0 where nothing
    overlaps. Presence: a slot loses it if it takes away little squared error where no other object is, like a double of
    another slot or a fault of the background. In one call each clip loses only its most useless slot, since two doubles
    make each other useless.
    """
    C, visibility = frames.shape[2], sprites.visibility[..., None, None, None]
    bare = sprites.color / sprites.mask[:, :, None].clamp(min=0.05)
    drawn, picture = paste(torch.cat([bare, sprites.picture], 2), sprites, windows).split([C, C + 1], 3)
    shown, behind = windows.crop(frames), windows.crop(background)
    error = squared(shown - drawn, 3)
    # drawn as layers over the background, since a picture that lets much through says nothing of its colour
    color, mask = (picture * visibility).split([C, 1], 3)
    mask = mask * sprites.presence[:, None, :, None, None, None]
    contrast = shown - behind
    # x - (color + (1 - mask) bg) is the contrast less what the layer adds to the background
    layered = squared(contrast - color + mask * behind, 3)
    gain, mask = squared(contrast, 3) - layered, mask[:, :, :, 0]
    alone, depth, missed = mask.clone(), torch.zeros_like(sprites.depth), mask * error
    for overlap in windows.overlaps:
        def total(x: Tensor) -> Tensor:
            """x [n, h, w] of the overlap, added up for each slot: [B, K]."""
            where = overlap.clip, overlap.slot  # noqa: B023, called at once
            return torch.zeros_like(depth).index_put(where, x.sum((1, 2)), accumulate=True)  # noqa: B023
        own, other = overlap.of_own(mask), overlap.of_other(mask)
        both, its_error = own * other, overlap.of_other(missed)
        lead = total(own * its_error - both * overlap.of_own(error))
        depth += params.max_depth * torch.tanh(lead / (params.overlap_ridge + params.overlap_error * total(both)))
        overlap.put(alone, overlap.of_own(alone) * (1 - other))
    worth = (alone * gain).sum((1, 3, 4)) / frames.shape[1]
    worth = torch.where(sprites.presence > 0, worth, torch.inf)
    least = worth.argmin(1, keepdim=True)
    contrast = noise(frames, background).clamp(min=params.min_contrast)
    wanted = (frames.shape[2] * object_px**2 * contrast.square())[:, None]
    useless = torch.zeros_like(worth).scatter(1, least, (worth.gather(1, least) < wanted).to(worth))
    return replace(sprites, depth=depth, presence=sprites.presence * (1 - useless))


def noise(frames: Tensor, background: Tensor) -> Tensor:
    """Standard deviation [B], grey levels, of the noise of frames [B, T, C, H, W] around background
    [B, 1 or T, C, H, W]: 1.48 times the median absolute difference, which holds as long as objects cover less than
    half. Of large clips an even sample is asked."""
    every = max(1, frames[0].numel() // ENOUGH) | 1  # odd, so that it comes round to all columns
    shown, behind = (x.flatten(1)[:, ::every] for x in (frames, background.expand_as(frames)))
    return 1.4826 * median((shown - behind).abs())


def drop_parts(sprites: Sprites, object_px: float, params: ComparisonParams = DISCOVERY.comparison) -> Sprites:
    """Where several sprites are parts of one object, takes presence from all but the largest, which then shows the
    object. Parts are sprites that move as one, side by side, and sprites of one hue whose middles usually lie close
    together and hardly stray from one another. What rests does not move as one with its neighbours. object_px: width of
    a typical object."""
    centre, presence = sprites.centre, sprites.presence.clone()
    travels = (centre.amax(1) - centre.amin(1)).amax(-1) > params.travel_px
    size = sprites.mask.sum((2, 3)) * sprites.step.square()
    apart = centre[:, :, :, None] - centre[:, :, None]
    usual = apart.median(1).values
    stray = (apart - usual[:, None]).norm(dim=-1).quantile(params.rigid_share, dim=1)
    distance = usual.norm(dim=-1)
    reach = (sprites.step * sprites.patch_dim / 2)[:, None]
    moves_along = travels[..., None] & (stray < params.rigid_px) & (distance < reach)
    within = (distance < params.one_hue_distance * object_px) & (stray < params.one_hue_stray * object_px)
    one = moves_along | within & _of_one_hue(sprites, params)
    later = torch.ones_like(one[0]).tril(-1)  # of twins the first one stays
    smaller = (size[..., None] < size[:, None]) | (size[..., None] == size[:, None]) & later
    for k in range(presence.shape[1]):
        presence[:, k] *= ~((one & smaller)[:, k] & (presence > 0)).any(1)
    return replace(sprites, presence=presence)


def _of_one_hue(sprites: Sprites, params: ComparisonParams) -> Tensor:
    """Which sprites have the same colour but for shading, bool [B, K, K]: mean colours in the same direction. A grey
    clip has no hues."""
    direction = F.normalize(sprites.color.sum((3, 4)), dim=-1)
    alike = (direction[:, :, None] - direction[:, None]).norm(dim=-1) < params.one_hue_direction
    return alike if sprites.color.shape[2] > 1 else torch.zeros_like(alike)
