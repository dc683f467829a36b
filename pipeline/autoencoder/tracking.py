"""Where the moving objects are: tracks found without learning, from the difference to the background.

Legend: B clips, T frames, K slots, C channels, h w the discovery grid, on which a typical object is OBJECT_CELLS wide.
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

from pipeline.autoencoder.best_path import best_path

OBJECT_CELLS = 8
"""Width of a typical object on the discovery grid."""
BLUR_CELLS = 2.0
"""Standard deviation of the blur that turns evidence into a score for an object's centre."""
SEARCH_SIGMA = 3.5
"""Standard deviation of the window in which a path is drawn to the middle of an object, cells."""
POSITION_SIGMA, GREY_POSITION_SIGMA = 3.5, 2.5
"""Standard deviation of an object's pixels around its centre, cells. In a grey clip colours do not tell objects apart,
and two that are nearer than twice it merge."""
GREY = 0.05
"""Largest difference between the channels of a grey clip."""
COLOR_SIGMA = 0.15
BACKGROUND_SIGMA = 0.05
REACH = 2
"""Furthest move between frames on the path grid, in its cells of 2 discovery cells."""
NUM_EM_ROUNDS = 6


class Cells(NamedTuple):
    """A clip on the discovery grid."""

    frames: Tensor
    """[B, T, C, h, w] means"""
    background: Tensor
    """[B, 1 or T, C, h, w] means"""
    color: Tensor
    """[B, T, C, h, w] of what differs from the background: edges and thin strokes fill their cells in part only"""
    moving: Tensor
    """[B, T, h, w] `evidence`"""
    cell_px: Tensor
    """[2] px per cell in x and y"""


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


def look_coarsely(frames: Tensor, background: Tensor, object_px: float) -> Cells:
    """The discovery grid of frames [B, T, C, H, W] before background [B, 1 or T, C, H, W], on which an object of
    `object_px` is OBJECT_CELLS wide; no finer than the pixels."""
    H, W = frames.shape[-2:]
    h, w = (min(side, max(1, round(OBJECT_CELLS * side / object_px))) for side in (H, W))
    def pool(x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x.flatten(0, 1), (h, w)).unflatten(0, x.shape[:2])
    difference = (frames - background).abs().amax(2, keepdim=True) + 1e-3
    small, small_background = pool(frames), pool(background)
    color = pool(difference * frames) / pool(difference)
    return Cells(small, small_background, color, evidence(small, small_background), frames.new_tensor([W / w, H / h]))


def find_tracks(cells: Cells, num_slots: int, hint: Tensor | None = None) -> Tracks:
    """Tracks of up to `num_slots` objects; a slot without an object tracks noise and is pruned by the caller.

    hint [B, K, C] (NaN where unknown): colours found in an earlier round, which keep a path from changing over to
    another object where two cross.
    """
    unexplained = cells.moving
    tracks = []
    for slot in range(num_slots):
        score = unexplained
        if hint is not None:
            distance = (cells.color - hint[:, None, slot, :, None, None]).square().sum(2)
            likeness = torch.exp(-distance / (2 * (1.5 * COLOR_SIGMA) ** 2))
            score = unexplained * torch.where(distance.isnan(), 1.0, 0.1 + likeness)
        centre = _mean_shift(_find_path(_blur(score)), score)
        tracks.append(centre)
        unexplained = unexplained * (1 - torch.exp(-(_distance(centre, score) / (2 * 3.0**2)).square()))
    return _joint_em(cells, torch.stack(tracks, 2))


def _offsets(centre: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances [..., w] and [..., h] of the columns and rows of image [..., h, w] from centre [..., 2]."""
    h, w = image.shape[-2:]
    x, y = (torch.arange(side, device=image.device) + 0.5 for side in (w, h))
    return (x - centre[..., :1]).square(), (y - centre[..., 1:]).square()


def _distance(centre: Tensor, image: Tensor) -> Tensor:
    """Squared distance [..., h, w] of every cell from centre [..., 2]."""
    along_x, along_y = _offsets(centre, image)
    return along_y[..., :, None] + along_x[..., None, :]


def _bell(centre: Tensor, image: Tensor, sigma: float) -> Tensor:
    """exp(-distance / (2 sigma^2)) [..., h, w], the product of one factor per axis."""
    along_x, along_y = (torch.exp(-offset / (2 * sigma**2)) for offset in _offsets(centre, image))
    return along_y[..., :, None] * along_x[..., None, :]


def _mean_place(weight: Tensor) -> Tensor:
    """(x, y) [..., 2] of the centre of mass of weight [..., h, w]."""
    h, w = weight.shape[-2:]
    x, y = (torch.arange(side, device=weight.device) + 0.5 for side in (w, h))
    columns, rows = weight.sum(-2), weight.sum(-1)
    return torch.stack([columns @ x, rows @ y], -1) / rows.sum(-1, keepdim=True)


def _blur(image: Tensor) -> Tensor:
    """Gaussian blur of [B, T, h, w]."""
    radius = int(3 * BLUR_CELLS)
    kernel = torch.exp(-torch.arange(-radius, radius + 1, device=image.device).square() / (2 * BLUR_CELLS**2))
    kernel = kernel / kernel.sum()
    flat = image.flatten(0, 1)[:, None]
    flat = F.conv2d(flat, kernel[None, None, None], padding=(0, radius))
    flat = F.conv2d(flat, kernel[None, None, :, None], padding=(radius, 0))
    return flat[:, 0].unflatten(0, image.shape[:2])


def _find_path(score: Tensor) -> Tensor:
    """The path [B, T, 2] (cells) of greatest summed score minus squared moves, by dynamic programming (Viterbi)."""
    coarse = F.avg_pool2d(score, 2, ceil_mode=True)
    h, w = coarse.shape[-2:]
    side = 2 * REACH + 1
    penalty = 0.01 * (torch.arange(side, device=score.device) - REACH).square()
    here = torch.arange(h * w, device=score.device)

    def arrive(total: Tensor, _: int) -> tuple[Tensor, Tensor]:
        # the best of all moves is the best over y of the best over x: squared moves add up
        padded = F.pad(total.unflatten(1, (h, w)), (REACH,) * 4, value=-1e4)
        along_x, x_choice = (padded.unfold(2, side, 1) - penalty).max(3)
        best, y_choice = (along_x.unfold(1, side, 1) - penalty).max(3)
        x_choice = x_choice.unfold(1, side, 1).gather(3, y_choice[..., None])[..., 0]
        move = (y_choice - REACH) * w + (x_choice - REACH)
        return best.flatten(1), here + move.flatten(1)

    path = best_path(coarse.flatten(2), arrive)
    return torch.stack([path % w, path // w], -1) * 2 + 1.0


def _mean_shift(centre: Tensor, score: Tensor) -> Tensor:
    """Moves centre [B, T, 2] to the local mean of score [B, T, h, w], three times."""
    for _ in range(3):
        centre = _mean_place(score * _bell(centre, score, SEARCH_SIGMA) + 1e-6)
    return centre


def _joint_em(cells: Cells, centre: Tensor) -> Tracks:
    """Refines all tracks together. Classes of a cell: each object, background, outlier (uniform in colour)."""
    shown, moving, C = cells.color, cells.moving, cells.color.shape[2]
    difference = cells.frames - cells.background
    to_background = -difference.square().sum(2) / (2 * BACKGROUND_SIGMA**2) - C * math.log(BACKGROUND_SIGMA)
    outlier = torch.full_like(to_background, C * math.log(math.sqrt(2 * math.pi)) - 3.0)
    near = moving[:, :, None] * _bell(centre, moving, 2.0) + 1e-6
    color = torch.einsum("btkhw,btchw->bkc", near, shown) / near.sum((1, 3, 4))[..., None]
    # |x - c|^2 expanded, so that no [B, T, K, C, h, w] tensor is needed; the softmax does not see what is added to all
    squared = shown.square().sum(2) / (2 * COLOR_SIGMA**2)
    others = torch.stack([to_background + squared, outlier + squared], 2)
    grey = (cells.frames.amax(2) - cells.frames.amin(2)).flatten(1).amax(1) < GREY
    sigma = torch.where(grey, GREY_POSITION_SIGMA, POSITION_SIGMA)[:, None, None, None, None]
    for _ in range(NUM_EM_ROUNDS):
        objects = torch.einsum("bkc,btchw->btkhw", color / COLOR_SIGMA**2, shown)
        objects -= (color.square().sum(-1) / (2 * COLOR_SIGMA**2) + C * math.log(COLOR_SIGMA))[:, None, :, None, None]
        objects -= _distance(centre, moving) / (2 * sigma.square())
        responsibility = torch.cat([objects, others], 2).softmax(2)[:, :, :-2]
        weight = responsibility + 1e-6 * _bell(centre, moving, SEARCH_SIGMA)
        mass = weight.sum((3, 4))
        centre = _smooth(_mean_place(weight), mass)
        color = torch.einsum("btkhw,btchw->bkc", weight, shown) / mass.sum(1)[..., None]
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
