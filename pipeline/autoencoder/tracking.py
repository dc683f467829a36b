"""Where the moving objects are: tracks found without learning, from the difference to the background.

Legend: B clips, T frames, K slots, C channels, h w the discovery grid, on which a typical object is about 8 cells wide.
All positions here are (x, y) in cells, the first cell's centre at 0.5.

A track is found greedily, slot by slot, as the smoothest path through the most unexplained evidence (Viterbi), then
all tracks are refined jointly by expectation-maximisation over pixels, with position and colour per object (a mixture
as in Wren et al. 1997, "Pfinder"), a background class and an outlier class.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

BLUR_CELLS = 2.0
"""Standard deviation of the blur that turns evidence into a score for an object's centre."""
POSITION_SIGMA = 3.5
"""Standard deviation of an object's pixels around its centre, cells."""
COLOR_SIGMA = 0.15
BACKGROUND_SIGMA = 0.05
REACH = 2
"""Furthest move between frames on the path grid, in its cells of 2 discovery cells."""
NUM_EM_STEPS = 6


class Tracks(NamedTuple):
    centre: Tensor
    """[B, T, K, 2] cells"""
    responsibility: Tensor
    """[B, T, K, h, w] probability that a cell shows the slot's object"""
    color: Tensor
    """[B, K, C]"""


def evidence(frames: Tensor, background: Tensor) -> Tensor:
    """How surely a pixel is not background: clamp(9 (|x - bg| - 0.03), 0, 1) with the largest channel difference.

    frames [B, T, C, H, W] and background, broadcastable to it -> [B, T, H, W].
    """
    return (9 * ((frames - background).abs().amax(2) - 0.03)).clamp(0, 1)


def find_tracks(frames: Tensor, background: Tensor, num_slots: int, hint: Tensor | None = None) -> Tracks:
    """Tracks of up to `num_slots` objects; a slot without an object tracks noise and is pruned by the caller.

    frames [B, T, C, h, w], background [B, T, C, h, w]; hint [B, K, C] (NaN where unknown): colours found in an earlier
    round, which keep a path from changing over to another object where two cross.
    """
    unexplained = evidence(frames, background)
    grid = _cell_grid(frames)
    tracks = []
    for slot in range(num_slots):
        score = unexplained
        if hint is not None:
            distance = (frames - hint[:, None, slot, :, None, None]).square().sum(2)
            likeness = torch.exp(-distance / (2 * (1.5 * COLOR_SIGMA) ** 2))
            score = unexplained * torch.where(distance.isnan(), 1.0, 0.1 + likeness)
        centre = _mean_shift(_best_path(_blur(score)), score, grid)
        tracks.append(centre)
        distance = (grid - centre[..., None, None, :]).square().sum(-1)
        unexplained = unexplained * (1 - torch.exp(-(distance / (2 * 3.0**2)).square()))
    return _joint_em(frames, background, torch.stack(tracks, 2), grid)


def _cell_grid(frames: Tensor) -> Tensor:
    """(x, y) of every cell's centre, [h, w, 2]."""
    h, w = frames.shape[-2:]
    y, x = torch.meshgrid(torch.arange(h, device=frames.device) + 0.5, torch.arange(w, device=frames.device) + 0.5, indexing="ij")
    return torch.stack([x, y], -1)


def _blur(image: Tensor) -> Tensor:
    """Gaussian blur of [B, T, h, w]."""
    radius = int(3 * BLUR_CELLS)
    kernel = torch.exp(-torch.arange(-radius, radius + 1, device=image.device).square() / (2 * BLUR_CELLS**2))
    kernel = kernel / kernel.sum()
    flat = image.flatten(0, 1)[:, None]
    flat = F.conv2d(flat, kernel[None, None, None], padding=(0, radius))
    flat = F.conv2d(flat, kernel[None, None, :, None], padding=(radius, 0))
    return flat[:, 0].unflatten(0, image.shape[:2])


def _best_path(score: Tensor) -> Tensor:
    """The path [B, T, 2] (cells) of greatest summed score minus squared moves, by dynamic programming (Viterbi)."""
    coarse = F.avg_pool2d(score, 2, ceil_mode=True)
    B, T, h, w = coarse.shape
    side = 2 * REACH + 1
    move = torch.arange(side, device=score.device) - REACH
    penalty = 0.01 * (move[:, None].square() + move[None].square()).flatten()
    total, came_from = coarse[:, 0], []
    for t in range(1, T):
        padded = F.pad(total, (REACH,) * 4, value=-1e4)
        options = F.unfold(padded[:, None], side).view(B, side * side, h * w) - penalty[None, :, None]
        best, choice = options.max(1)
        came_from.append(choice)
        total = best.view(B, h, w) + coarse[:, t]
    place = total.flatten(1).argmax(1)
    path = [place]
    for choice in reversed(came_from):
        step = choice.gather(1, place[:, None])[:, 0]
        place = place + (step // side - REACH) * w + (step % side - REACH)
        path.append(place)
    path = torch.stack(path[::-1], 1)
    return torch.stack([path % w, path // w], -1) * 2 + 1.0


def _mean_shift(centre: Tensor, score: Tensor, grid: Tensor) -> Tensor:
    """Moves centre [B, T, 2] to the local mean of score [B, T, h, w], three times."""
    for _ in range(3):
        distance = (grid - centre[..., None, None, :]).square().sum(-1)
        weight = score * torch.exp(-distance / (2 * POSITION_SIGMA**2)) + 1e-6
        centre = (weight[..., None] * grid).sum((2, 3)) / weight.sum((2, 3))[..., None]
    return centre


def _joint_em(frames: Tensor, background: Tensor, centre: Tensor, grid: Tensor) -> Tracks:
    """Refines all tracks together. Classes of a cell: each object, background, outlier (uniform in colour)."""
    B, T, C, h, w = frames.shape
    to_background = -(frames - background).square().sum(2) / (2 * BACKGROUND_SIGMA**2) - C * math.log(BACKGROUND_SIGMA)
    outlier = torch.full_like(to_background, C * math.log(math.sqrt(2 * math.pi)) - 3.0)
    moving = evidence(frames, background)
    near = moving[:, :, None] * torch.exp(-(grid - centre[..., None, None, :]).square().sum(-1) / (2 * 2.0**2)) + 1e-6
    color = torch.einsum("btkhw,btchw->bkc", near, frames) / near.sum((1, 3, 4))[..., None]
    # |x - c|^2 expanded, so that no [B, T, K, C, h, w] tensor is needed
    squared = frames.square().sum(2)[:, :, None]
    for _ in range(NUM_EM_STEPS):
        place = -(grid - centre[..., None, None, :]).square().sum(-1) / (2 * POSITION_SIGMA**2)
        distance = (squared - 2 * torch.einsum("bkc,btchw->btkhw", color, frames)
                    + color.square().sum(-1)[:, None, :, None, None])
        objects = place - distance / (2 * COLOR_SIGMA**2) - C * math.log(COLOR_SIGMA)
        classes = torch.cat([objects, to_background[:, :, None], outlier[:, :, None]], 2)
        responsibility = classes.softmax(2)[:, :, :-2]
        weight = responsibility + 1e-6 * place.exp()
        mass = weight.sum((3, 4))
        measured = torch.einsum("btkhw,hwd->btkd", weight, grid) / mass[..., None]
        centre = _smooth(measured, mass)
        color = torch.einsum("btkhw,btchw->bkc", weight, frames) / mass.sum(1)[..., None]
    return Tracks(centre, responsibility, color)


def _smooth(centre: Tensor, mass: Tensor) -> Tensor:
    """Weighted temporal smoothing of [B, T, K, 2] over neighbouring frames; frames with little mass follow the
    others."""
    weight = (mass + 1e-3)[..., None]
    def spread(x: Tensor) -> Tensor:
        before = torch.cat([x[:, :1], x[:, :-1]], 1)
        after = torch.cat([x[:, 1:], x[:, -1:]], 1)
        return 0.15 * before + 0.7 * x + 0.15 * after
    return spread(weight * centre) / spread(weight)
