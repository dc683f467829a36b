"""Where else a sprite may be: places that no small step reaches, since another object or a wall lies between.

Where two objects overlap, the pixels that a track followed may be the other's, and the picture then lies beside its own
object. So of each frame it is asked: how much squared error would the sprite take away at every other place around,
given what all other layers show? All places are compared at once, by a correlation.

Legend: B clips, T frames, K slots, C channels, H W frame, h w window on a grid of cells; n windows that are searched.
"""

import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.compositing import uncovered
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_params import SearchParams
from pipeline.autoencoder.sprites import Sprites, paste
from pipeline.autoencoder.windows import Windows, around, reach_of_patches


def search(
    frames: Tensor, background: Tensor, sprites: Sprites, object_px: float, params: SearchParams = DISCOVERY.search,
) -> Sprites:
    """The same sprites, each moved in the frames where it explains clearly more at another place; frames
    [B, T, C, H, W], background [B, 1 or T, C, H, W]; object_px: width of a typical object."""
    cell_px = max(1, round(params.cell * object_px))
    coarse = replace(sprites, centre=sprites.centre / cell_px, step=sprites.step / cell_px)
    reach = round(params.reach * object_px / cell_px)
    margin = math.ceil(reach_of_patches(coarse.matrix, coarse.patch_dim)) + reach
    shown, behind = frames, background
    if cell_px > 1:
        shown, behind = (F.avg_pool2d(images.flatten(0, 1), cell_px, ceil_mode=True).unflatten(0, images.shape[:2])
                         for images in (frames, background))
    inside = torch.ones_like(shown[:, :, :1])
    shown, behind, inside = (F.pad(cells, (margin,) * 4) for cells in (shown, behind, inside))
    coarse = replace(coarse, centre=coarse.centre + margin)
    total = torch.zeros_like(coarse.centre)
    for _ in range(params.rounds):
        windows = around(coarse.centre, margin, *shown.shape[-2:])
        by = _moves(windows.crop(shown), windows.crop(behind), windows.crop(inside), coarse, windows, reach, params)
        if not by.any():
            break
        coarse, total = replace(coarse, centre=coarse.centre + by), total + by
    return replace(sprites, centre=sprites.centre + cell_px * total)


def _moves(
    frame: Tensor, behind: Tensor, inside: Tensor, sprites: Sprites, windows: Windows, reach: int, params: SearchParams,
) -> Tensor:
    """How far each sprite moves, [B, T, K, 2] cells. Windows of the frame and of the background [B, T, K, C, h, w];
    inside [B, T, K, 1, h, w]: 1 in the frame."""
    picture = paste(sprites.picture, sprites, windows)
    stake = (_over(picture, behind) - behind).square().sum((3, 4, 5))
    rest, share = _others(picture, behind, sprites, windows)
    free = inside * share[:, :, :, None]
    now = (free * ((frame - rest).square() - (frame - _over(picture, rest)).square())).sum((3, 4, 5))
    known = (now > params.known * stake).float().mean(1, keepdim=True) >= params.known_share
    sought = (sprites.presence[:, None] > 0) & known & (now < params.enough * stake)
    if not sought.any():
        return torch.zeros_like(sprites.centre)
    places = sought.nonzero(as_tuple=True)
    most, by = _best_place((frame - rest)[places], rest[places], free[places], picture[places], reach)
    # more than here, and more than if it were hidden: past the frame's edge it takes nothing away, and breaks nothing
    more = torch.zeros_like(now).index_put(places, most - now[places].clamp(min=0))
    # of objects near one another only the one moves that gains most: all of them may have seen the same place
    apart = (windows.corner[:, :, :, None] - windows.corner[:, :, None]).abs()
    near = (apart < apart.new_tensor(windows.size[::-1])).all(-1)
    moves = sought & (more > params.worth * stake) & (more == torch.where(near, more[:, :, None], 0).amax(-1))
    return torch.zeros_like(sprites.centre).index_put(places, by.to(frame)) * moves[..., None]


def _over(picture: Tensor, behind: Tensor) -> Tensor:
    """A layer [..., C + 1, h, w], colour times mask and mask, over what is behind it [..., C, h, w]."""
    color, mask = picture.split([behind.shape[-3], 1], -3)
    return color + (1 - mask) * behind


def _others(picture: Tensor, behind: Tensor, sprites: Sprites, windows: Windows) -> tuple[Tensor, Tensor]:
    """What each slot's window shows without its own object [B, T, K, C, h, w], and the share of it that no nearer
    object covers [B, T, K, h, w]."""
    drawn, rest = picture * (sprites.visibility * sprites.presence[:, None])[..., None, None, None], behind.clone()
    for overlap in windows.overlaps:
        overlap.put(rest, _over(overlap.of_other(drawn), overlap.of_own(rest)))
    return rest, uncovered(windows, drawn[:, :, :, -1], sprites.depth)


def _best_place(left: Tensor, rest: Tensor, free: Tensor, picture: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The greatest squared error that layers, picture [n, C + 1, h, w], take away at any place, [n], and how far that
    place is from here, [n, 2]: (x, y) in cells, at most `reach` along each axis. rest [n, C, h, w]: what all other
    layers show; left: the frame less that; free [n, 1, h, w].

    A layer of colour times mask a and mask m changes what is shown by a - m rest, which takes away

        free (left^2 - (left - a + m rest)^2) = free (2 left a - 2 left rest m - a^2 + 2 rest a m - rest^2 m^2):

    five products of what stays where it is and what moves, each a correlation.
    """
    color, mask = picture.split([left.shape[1], 1], 1)
    still = free * torch.cat([
        2 * left, -2 * (left * rest).sum(1, keepdim=True), -torch.ones_like(left), 2 * rest,
        -rest.square().sum(1, keepdim=True)], 1)
    moving = torch.cat([color, mask, color.square(), color * mask, mask.square()], 1)
    # so large that nothing comes round from the other side; multiples of 8 take a fifth of the time that primes do
    size = [8 * math.ceil((side + reach) / 8) for side in left.shape[-2:]]
    spectrum = (torch.fft.rfft2(still, size) * torch.fft.rfft2(moving, size).conj()).sum(1)
    taken = torch.fft.irfft2(spectrum, size)
    steps, side = torch.arange(-reach, reach + 1, device=taken.device), 2 * reach + 1
    most, place = taken[:, steps][:, :, steps].flatten(1).max(1)
    return most, torch.stack([place % side, place // side], -1) - reach
