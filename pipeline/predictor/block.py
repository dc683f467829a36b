"""The next frames as distributions, and draws from them.

Legend: B batch, K slots, H horizon of the block, M modes, P pose components, D numbers of a code.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.predictor.draws import Draws
from pipeline.predictor.spread import Spread

PLACE_ERROR_PX = 0.25
"""Standard deviation of a track's error in x and y. The predictor learned from whole clips, and a context alone is
taken apart less exactly. So even on a free stretch the future is less sure than the predictor can know. Fitted on the
validation split by benchmarks/place_error."""


class Block(NamedTuple):
    """The next H frames, as distributions. A spread is a standard deviation, in the unit of its mean."""

    mode_logits: Tensor  # [B, K, M]
    moving: Tensor  # [B, K, M, H, P - 1]: place and shape of each mode's trajectory
    place_spread: Tensor  # [B, K, M, H, 2]
    visibility_logits: Tensor  # [B, K, M, H]
    means: dict[str, Tensor]  # every other time-varying code that has a width, by name: of the scene [B, H, D], of
    # objects [B, K, H, D], the same in all modes
    spreads: dict[str, Tensor]  # of the same codes, shaped alike


def draw(block: Block, draws: Draws, spread: Spread) -> dict[str, Tensor]:
    """Draws one future per row and returns its codes by name. For the pose [B, H, K, P] a mode is drawn for each
    object; the other codes, [B, H, D] of the scene and [B, H, K, D] of objects, have one mode only.

    branches: an object takes the middle of its mode, the other codes their means. Modes that overlap with the drawn one
    tell the same future several times: their average, by probability, is nearer to the truth than any of them.
    full: all is drawn from the learned distribution, with places made less sure by PLACE_ERROR_PX. One deviation, in
    spreads, holds for a whole block, so that every frame has the learned spread and a track stays smooth.
    """
    chances = block.mode_logits.softmax(-1)
    uniform = draws.uniform(chances.shape[:-1], chances.device)
    mode = (chances.cumsum(-1) < uniform[..., None]).sum(-1).clamp(max=chances.shape[-1] - 1)

    def of_mode(values: Tensor) -> Tensor:
        return torch.take_along_dim(values, mode.view(*mode.shape, *[1] * (values.dim() - 2)), 2)

    pose = torch.cat([block.moving, block.visibility_logits.sigmoid()[..., None]], -1)
    codes = dict(block.means)
    if spread == "branches":
        place, unsure = poses.place(block.moving), unsure_of_place(block.place_spread)
        overlap = _log_overlap(place, unsure, of_mode(place), of_mode(unsure))  # [B, K, M, H]
        share = (block.mode_logits[..., None] + overlap).softmax(2)
        pose = (share[..., None] * pose).sum(2)
    else:
        learned = of_mode(block.place_spread)
        deviation = unsure_of_place(learned) * draws.sech(learned[:, :, :, :1])
        pose = poses.moved(of_mode(pose), deviation)[:, :, 0]
        codes = {name: mean + block.spreads[name] * draws.sech(mean[..., :1, :]) for name, mean in codes.items()}
    codes["pose"] = pose
    return {name: code.transpose(1, 2) if CODES[name].owner == "object" else code for name, code in codes.items()}


def _log_overlap(middle: Tensor, spread: Tensor, other: Tensor, other_spread: Tensor) -> Tensor:
    """How much two normal distributions of x and y have in common, from their means and spreads [..., 2]: the
    logarithm of the cosine between their densities. 0: they are the same; less: they lie apart, or one is wider."""
    variance = spread.square() + other_spread.square()
    apart = (middle - other).square() / variance
    return ((2 * spread * other_spread / variance).log() - apart).sum(-1) / 2


def unsure_of_place(spread: Tensor, error: float = PLACE_ERROR_PX) -> Tensor:
    """The spread of places [..., 2], with an error of so many px added."""
    return (spread.square() + error**2).sqrt()
