"""Small clips with known content: squares that move over a smooth background."""

import math

import numpy as np
import torch
from torch import Tensor

from pipeline.autoencoder.sprites import Sprites, draw_masks, paste
from pipeline.autoencoder.windows import Windows, around

NO_SCENES = np.empty((0, 4, 1, 1), np.uint8)
"""Where nothing is known of the background."""


def moving_squares(
    tracks: Tensor, colors: Tensor, side: int = 14, px: int = 64, seed: int = 0,
) -> tuple[Tensor, Tensor, Tensor]:
    """Clip [1, T, 3, px, px], its background [3, px, px] and segmentation [T, px, px] (0 background, then the squares;
    later ones are nearer).

    tracks [T, N, 2]: whole-pixel left upper corners, as far as they are whole; colors [N, 3].
    """
    generator = torch.Generator().manual_seed(seed)
    coarse = 0.2 + 0.6 * torch.rand(1, 3, 5, 5, generator=generator)
    background = torch.nn.functional.interpolate(coarse, size=(px, px), mode="bicubic", align_corners=True)
    background = background[0].clamp(0, 1)
    frames = background.repeat(len(tracks), 1, 1, 1)
    segmentation = torch.zeros(len(tracks), px, px, dtype=torch.long)
    for t, corners in enumerate(tracks.round().long().tolist()):
        for n, (x, y) in enumerate(corners):
            inside = (slice(max(y, 0), max(y + side, 0)), slice(max(x, 0), max(x + side, 0)))
            frames[t][:, inside[0], inside[1]] = colors[n][:, None, None]
            segmentation[t][inside] = n + 1
    return frames[None], background, segmentation


def filmed(camera: Tensor, objects: Tensor, colors: Tensor, px: int = 64, side: int = 14, seed: int = 0) -> Tensor:
    """Clip [1, T, 3, px, px] by a camera [T, 4] (x, y px, log_zoom, roll) over a smooth endless background, before
    which squares move: their middles objects [T, N, 2] are px of the frame; colors [N, 3]."""
    generator = torch.Generator().manual_seed(seed)
    waves = torch.randn(3, 2, 6, generator=generator) * 0.12
    phase = 6.28 * torch.rand(3, 6, generator=generator)
    y, x = torch.meshgrid(torch.arange(px) + 0.5, torch.arange(px) + 0.5, indexing="ij")
    right, down, log_zoom, roll = camera[..., None, None].unbind(1)
    x_off, y_off, step = x - px / 2, y - px / 2, torch.exp(-log_zoom)
    world = torch.stack([
        (x_off * roll.cos() - y_off * roll.sin()) * step + right,
        (x_off * roll.sin() + y_off * roll.cos()) * step + down,
    ], 1)
    frames = 0.5 + 0.4 * torch.sin(torch.einsum("cdw,tdhk->tcwhk", waves, world) + phase[..., None, None]).mean(2)
    for n in range(objects.shape[1]):
        middle = objects[:, n, :, None, None]
        inside = ((x - middle[:, 0]).abs() < side / 2) & ((y - middle[:, 1]).abs() < side / 2)
        frames = torch.where(inside[:, None], colors[n][:, None, None], frames)
    return frames[None]


def line(start: tuple[float, float], velocity: tuple[float, float], num_frames: int) -> Tensor:
    """Track [T, 2] at constant velocity."""
    return torch.tensor(start) + torch.arange(num_frames)[:, None] * torch.tensor(velocity)


def moving_pictures(tracks: Tensor, pictures: list[Tensor], px: int = 64) -> Tensor:
    """Clip [1, T, 1, px, px]: grey pictures [h, w] on black, where they meet the brighter one; tracks [T, N, 2]: left
    upper corners, whole pixels within the frame."""
    frames = torch.zeros(1, len(tracks), 1, px, px)
    for t, corners in enumerate(tracks.round().long().tolist()):
        for (x, y), picture in zip(corners, pictures, strict=True):
            window = frames[0, t, 0, y:y + picture.shape[0], x:x + picture.shape[1]]
            torch.maximum(window, picture, out=window)
    return frames


def half_transparent_square(num_frames: int = 12, patch_dim: int = 16, px: int = 48) -> tuple[Tensor, Tensor, Sprites]:
    """Clip [1, T, 3, px, px] of a red square, half transparent in its middle, over a varied background [1, 3, px, px],
    and the sprite that is true of it."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 7, 7, generator=generator)
    background = torch.nn.functional.interpolate(coarse, size=(px, px), mode="bilinear", align_corners=True)
    mask = torch.zeros(1, 1, patch_dim, patch_dim)
    mask[..., 3:13, 3:13] = 1
    mask[..., 6:10, 6:10] = 0.5
    color = mask[:, :, None] * torch.tensor([0.9, 0.2, 0.1]).view(1, 1, 3, 1, 1)
    track = torch.stack([torch.linspace(10, 38, num_frames), torch.linspace(14, 30, num_frames)], -1).round()
    true = Sprites(
        centre=track[None, :, None], step=torch.ones(1, 1), shape=torch.zeros(1, num_frames, 1, 3), color=color,
        mask=mask, seen=torch.ones_like(mask),
        visibility=torch.ones(1, num_frames, 1), depth=torch.zeros(1, 1), presence=torch.ones(1, 1),
    )
    free = 1 - draw_masks(true, px, px)[:, :, 0, None]
    return paste(color, true, whole_frames(true, px))[:, :, 0] + free * background[:, None], background, true


def whole_frames(sprites: Sprites, px: int) -> Windows:
    """Windows that are the frames [px, px]."""
    return around(sprites.centre, math.inf, px, px)
