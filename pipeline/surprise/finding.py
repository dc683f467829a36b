"""Where forecast objects are in the frames that came, and what these show beside them: every frame is searched alone,
for the pictures that the context shows, on the background that the context shows.

An object is found where its picture explains most of the frame, and of places that explain it alike, where it was
forecast; so objects that look alike and cross stay apart. A place far from the forecast must explain clearly more. Only
the place is searched for: a size or a shape that nobody forecast is a picture that does not fit.

Legend: h frames, K slots, C channels, H W px, P patch side in samples, D side of a drawn picture, px. Frames lie in
[0, 1].
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.fft import next_fast_len
from torch import Tensor

from pipeline.autoencoder import spatial_transform

_ROUNDS = 2
"""Searches of every object, each with the others where the one before found them."""
_FAR = 1e-3
"""Chance, as a share of that of the likeliest place, with which an object may be anywhere."""
_HEEDED = 0.1
"""Share of an object's contrast that a place must explain better, to be preferred to one that is e times likelier."""
_STEPS, _STEP_PX = 3, 3.0
"""How often, and how far in x and y, px, a place is moved to the best one around."""
_FOUND = 0.3
"""Share of an object's contrast that is explained where it is found. A picture half covered or half changed explains a
half."""
_SEEN = 0.3
"""Share of a picture that must not be covered, nor outside of the frame, for anything to be said of it."""
_NOISE = 0.02
"""Contrast below which an object cannot be told from what is behind it."""


@dataclass(frozen=True)
class Found:
    """What h frames show."""

    place: Tensor
    """[h, K, 2] (x, y) px: where an object is, or was forecast if it is not found"""
    found: Tensor
    """bool [h, K]"""
    hidden: Tensor
    """bool [h, K]: too much is covered or outside of the frame to tell"""
    alpha: Tensor
    """[h, K, H, W] what each object shows of every pixel"""
    misfit: Tensor
    """[h, K]: mean squared difference of the frame to an object's picture, where that would show at `place`"""
    cleared: Tensor
    """[h, K] from 0 to 1: how far the background alone shows where an object is not found"""
    left: Tensor
    """[h, C, H, W]: what the objects that are found and the background leave over of the frames"""


def find(
    frames: Tensor, behind: Tensor, pictures: Tensor, matrices: Tensor, depth: Tensor, log_density: Tensor,
    expected: Tensor,
) -> Found:
    """Searches frames [h, C, H, W] before `behind` [h, C, H, W] for pictures [h, K, C + 1, P, P] (premultiplied colour,
    mask) that lie as matrices [h, K, 2, 3] say once they are shifted.

    depth [K], larger is nearer; log_density [h, K, H, W]: logarithm of the density with which an object is forecast at
    a pixel; expected [h, K, 2]: where it is drawn until it is found, px.
    """
    if not len(depth):
        nothing = frames.new_zeros(len(frames), 0)
        return Found(expected, nothing.bool(), nothing.bool(), frames.new_zeros(len(frames), 0, *frames.shape[-2:]),
                     nothing, nothing, frames - behind)
    (height, width), radius = frames.shape[-2:], _radius(matrices, pictures.shape[-1])
    kernel = _drawn(pictures, matrices, torch.full_like(expected, radius + 0.5), 2 * radius + 1, 2 * radius + 1)
    templates = _templates(kernel, height, width)
    prior = log_density - log_density.amax((-2, -1), keepdim=True)
    prior = _HEEDED * torch.log(prior.exp() * (1 - _FAR) + _FAR)
    nearer = (depth > depth[:, None]).to(frames)  # [K, K]: whether the other lies before it
    area = kernel[:, :, -1].sum((-2, -1))
    place, shows = expected, torch.ones_like(area)
    for _ in range(_ROUNDS):
        drawn = _drawn(pictures, matrices, place, height, width) * shows[..., None, None, None]
        others, free = _others(behind, drawn, depth, nearer)
        gain, stake, seen = _explained(frames, others, free, templates)
        typical = stake.mean((-2, -1), keepdim=True) + _NOISE**2 * area[..., None, None]
        place = _climb(gain, _peak(gain / typical + prior))
        share = _at(gain, place) / (_at(stake, place) + _NOISE**2 * area)
        found = (share > _FOUND) & (_at(seen, place) > _SEEN * area)
        hidden = ~found & (_at(seen, expected) < _SEEN * area)
        place = torch.where(found[..., None], place, expected)
        shows = (found | hidden).to(frames)
    drawn = _drawn(pictures, matrices, place, height, width)
    others, free = _others(behind, drawn * shows[..., None, None, None], depth, nearer)
    alpha = drawn[:, :, -1] * free
    change = drawn[:, :, :-1] - drawn[:, :, -1:] * others
    rest, visible = frames[:, None] - others, alpha[:, :, None]

    def over_picture(x: Tensor) -> Tensor:
        return (visible * x.square()).sum((-3, -2, -1)) / (x.shape[2] * alpha.sum((-2, -1)) + 1e-6)

    cleared = (1 - over_picture(rest) / (over_picture(change) + _NOISE**2)).clamp(min=0) * ~found * ~hidden
    left = frames - _together(behind, drawn * shows[..., None, None, None], depth)
    return Found(place, found, hidden, alpha, over_picture(rest - change), cleared, left)


def _radius(matrices: Tensor, patch_dim: int) -> int:
    """px from the middle of a drawn picture to its edge."""
    return math.ceil(patch_dim / 2 * float(matrices[..., :2].abs().sum(-1).max())) + 1


def _drawn(pictures: Tensor, matrices: Tensor, place: Tensor, height: int, width: int) -> Tensor:
    """Pictures [h, K, C + 1, height, width] with their middles at place [h, K, 2]."""
    there = torch.cat([matrices[..., :2], place[..., None]], -1)
    return spatial_transform.paste(pictures, there, height, width)


def _others(behind: Tensor, drawn: Tensor, depth: Tensor, nearer: Tensor) -> tuple[Tensor, Tensor]:
    """For every object the frame without it [h, K, C, H, W], and the share of every pixel that no nearer one covers
    [h, K, H, W]."""
    K = drawn.shape[1]
    without = [
        _together(behind, torch.cat([drawn[:, :k], drawn[:, k + 1:]], 1), torch.cat([depth[:k], depth[k + 1:]]))
        for k in range(K)
    ]
    mask = drawn[:, :, -1].clamp(0, 1)
    free = torch.stack([(1 - mask * nearer[k][:, None, None]).prod(1) for k in range(K)], 1)
    return torch.stack(without, 1), free


def _together(behind: Tensor, drawn: Tensor, depth: Tensor) -> Tensor:
    """Pictures [h, K, C + 1, H, W] laid on one another before `behind` [h, C, H, W], the nearest last."""
    frame = behind
    for k in depth.argsort().tolist():
        frame = frame * (1 - drawn[:, k, -1:]) + drawn[:, k, :-1]
    return frame


class _Templates(NamedTuple):
    """What Fourier transformed frames are multiplied with to be correlated with the objects' pictures."""

    transformed: Tensor
    """[h, K, 5 C + 1, ...] of colour, minus mask, squared colour, minus twice their product, squared mask, mask"""
    size: tuple[int, int]
    """px of what is transformed: the frame and, past it, what a picture reaches."""


def _explained(frames: Tensor, others: Tensor, free: Tensor, templates: _Templates) -> tuple[Tensor, Tensor, Tensor]:
    """Of each object in every place [h, K, H, W]: by how much it lowers the squared error of what it covers, its
    squared contrast there, and how much of its mask can be seen; in what `templates` are of.

    With its colour a, its mask m and what is behind it b the error falls from r^2 to (r - (a - m b))^2, where r is what
    the frame has more than b; multiplied out, that is a sum of correlations.
    """
    (C, H, W), seen = frames.shape[1:], free[:, :, None]
    rest = seen * (frames[:, None] - others)
    image = torch.cat([rest, rest * others, seen.expand_as(rest), seen * others, seen * others.square(), seen], 2)
    size = templates.size
    products = torch.fft.rfft2(image, s=size) * templates.transformed
    sums = [part.sum(2) for part in products.split([2 * C, 3 * C, 1], 2)]
    match, stake, mask = torch.fft.irfft2(torch.stack(sums), s=size)[..., :H, :W]
    return 2 * match - stake, stake.clamp(min=0), mask


def _templates(kernel: Tensor, height: int, width: int) -> _Templates:
    """Of pictures drawn on small squares [h, K, C + 1, D, D], D odd, for frames of height x width px."""
    color, mask = kernel[:, :, :-1], kernel[:, :, -1:]
    parts = [color, -mask.expand_as(color), color.square(), -2 * color * mask, mask.square().expand_as(color), mask]
    radius = kernel.shape[-1] // 2
    size = next_fast_len(height + 2 * radius, real=True), next_fast_len(width + 2 * radius, real=True)
    # turned so that a square's middle, not its corner, lies on the pixel
    laid = F.pad(torch.cat(parts, 2), (0, size[1] - kernel.shape[-1], 0, size[0] - kernel.shape[-1]))
    return _Templates(torch.fft.rfft2(laid.roll((-radius, -radius), (-2, -1))).conj(), size)


def _climb(score: Tensor, place: Tensor) -> Tensor:
    """The top (x, y) px of the hill of score [..., H, W] on which place [..., 2] lies: once it is known which of
    several likenesses an object is, where that lies is for the frame alone to say."""
    H, W = score.shape[-2:]
    y, x = torch.arange(H, device=score.device) + 0.5, torch.arange(W, device=score.device) + 0.5
    for _ in range(_STEPS):
        far = torch.maximum((x - place[..., None, :1]).abs(), (y[:, None] - place[..., None, 1:]).abs()) > _STEP_PX
        place = _peak(score, far)
    return place


def _peak(score: Tensor, excluded: Tensor | None = None) -> Tensor:
    """(x, y) px [..., 2] of the highest point of score [..., H, W], but for what is excluded (bool), to a part of a
    pixel by the parabolas through its neighbours."""
    H, W = score.shape[-2:]
    best = (score if excluded is None else score.masked_fill(excluded, -torch.inf)).flatten(-2).argmax(-1)
    row, column = best // W, best % W

    def offset(step: int, place: Tensor, side: int) -> Tensor:
        middle, inside = best, (place > 0) & (place < side - 1)
        values = [score.flatten(-2).gather(-1, (middle + i * step).clamp(0, H * W - 1)[..., None])[..., 0]
                  for i in (-1, 0, 1)]
        bend = values[0] - 2 * values[1] + values[2]
        shift = (values[0] - values[2]) / (2 * bend.clamp(max=-1e-9))
        return torch.where(inside, shift.clamp(-0.5, 0.5), 0.0)

    return torch.stack([column + 0.5 + offset(1, column, W), row + 0.5 + offset(W, row, H)], -1)


def _at(values: Tensor, place: Tensor) -> Tensor:
    """values [..., H, W] at the pixels of place [..., 2]: [...]."""
    H, W = values.shape[-2:]
    x, y = (place[..., i].floor().long().clamp(0, side - 1) for i, side in enumerate((W, H)))
    return values.flatten(-2).gather(-1, (y * W + x)[..., None])[..., 0]
