"""How unlikely a place is under the forecast, and what objects it may be compared with.

Legend: h frames, n objects, M modes, Q points of a mode.
"""

import math

import torch
from torch import Tensor

from pipeline.latents import pose as poses
from pipeline.predictor.block import Block, unsure_of_place
from pipeline.predictor.losses import sech_surprise

SITUATIONS = ("free", "near another", "near the edge", "near both")
"""Where objects are forecast to be. Only those in the same say how rare a place is: where two meet, or a wall may turn
them, a forecast and a track are less exact than on a free way."""
_NEAR = 0.25
"""Of the width of a typical object: gap between two objects, or an object and the frame's edge, that are near."""
_QUANTILES = 8
"""Of a mode in x and in y, at which its density is looked at."""


def surprise_of_place(block: Block, place: Tensor, slots: Tensor) -> Tensor:
    """-log of the density, nats (px^-2), with which a block of one clip forecasts slots [n] at place [h, n, ..., 2]:
    [h, n, ...]. Each frame is judged by itself, whatever trajectory the ones before speak for."""
    h, further = len(place), place.dim() - 3
    middle, spread, log_chances = _modes(block, slots, h)

    def spread_out(x: Tensor) -> Tensor:
        return x.view(*x.shape[:3], *[1] * further, *x.shape[3:])

    apart = sech_surprise(place, spread_out(middle), spread_out(spread)).sum(-1)
    return -torch.logsumexp(spread_out(log_chances) - apart, 0)


def expected_surprise(block: Block, slots: Tensor, num_frames: int) -> Tensor:
    """What `surprise_of_place` is on average, if the forecast is right: the entropy of its density, nats, [h, n], to
    0.2."""
    middle, spread, log_chances = _modes(block, slots, num_frames)
    share = (torch.arange(_QUANTILES, device=middle.device) + 0.5) / _QUANTILES
    quantile = 2 / math.pi * torch.log(torch.tan(math.pi / 2 * share))  # of the hyperbolic secant
    point = torch.cartesian_prod(quantile, quantile)  # [Q, 2]
    places = middle[..., None, :] + spread[..., None, :] * point  # [M, h, n, Q, 2]
    of_mode = torch.stack([surprise_of_place(block, of_mode, slots).mean(-1) for of_mode in places])
    return (log_chances.exp() * of_mode).sum(0)


def _modes(block: Block, slots: Tensor, num_frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """Middles and spreads [M, h, n, 2], px, and logarithms of the probabilities [M, 1, n] of the modes."""
    def of_modes(moving: Tensor) -> Tensor:
        return poses.place(moving)[0, slots, :, :num_frames].permute(1, 2, 0, 3)

    chances = block.mode_logits[0, slots].log_softmax(-1).T[:, None]
    return of_modes(block.moving), of_modes(unsure_of_place(block.place_spread)), chances


def situations(
    pose: Tensor, context_frames: int, lasts: int, object_px: float, height: int, width: int,
) -> Tensor:
    """Index into SITUATIONS, int [h, n], of objects whose pose [T + h, n, P] is that of the context and most likely
    after it: what was or will be near from the context on up to `lasts` frames after the one that is judged; object_px:
    width at log_scale 0."""
    place, reach, near = poses.place(pose), object_px * poses.scale(pose) / 2, _NEAR * object_px
    gap = (place[:, :, None] - place[:, None]).abs().amax(-1) - reach[:, :, None] - reach[:, None]
    gap = gap + torch.diag(torch.full(gap.shape[1:2], math.inf, device=gap.device))
    to_edge = torch.minimum(place, place.new_tensor([width, height]) - place).amin(-1) - reach
    to_edge[:context_frames - 1] = math.inf  # a wall that was met is known
    met = (gap < near).any(-1).int() + 2 * (to_edge < near).int()
    known = torch.stack([(met & bit).cummax(0).values for bit in (1, 2)]).sum(0)
    until = (torch.arange(context_frames, len(pose)) + lasts).clamp(max=len(pose) - 1)
    return known[until]
