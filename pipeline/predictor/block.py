"""The next frames as distributions, and draws from them.

Legend: B batch, K slots, H horizon of the block, M modes, P pose components, C camera components, D_* widths of the detail
and the deformation code.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.latents.latents import POSE
from pipeline.predictor.draws import Draws
from pipeline.predictor.spread import Spread

VISIBILITY = POSE.index("visibility")
NUM_MOVING = VISIBILITY
"""Components of a pose that are real numbers; visibility, the last one, is a probability."""
PLACE_ERROR_PX = 0.25
"""How exact a track is in x and y, standard deviation. A context alone is taken apart a little otherwise than the whole clips
that the predictor learned from, so that on a free stretch a future is less sure than the predictor can know. Fitted on the
validation split by benchmarks/place_error."""


class Block(NamedTuple):
    """The next H frames, as distributions. A spread is a standard deviation, in the unit of its mean."""

    mode_logits: Tensor  # [B, K, M]
    moving: Tensor  # [B, K, M, H, P - 1]: x, y in px and log_scale of each mode's trajectory
    moving_spread: Tensor  # [B, K, M, H, P - 1]
    visibility_logits: Tensor  # [B, K, M, H]
    camera: Tensor  # [B, H, C]
    camera_spread: Tensor  # [B, H, C]
    detail: Tensor  # [B, H, D_detail]
    detail_spread: Tensor  # [B, H, D_detail]
    deformation: Tensor  # [B, K, H, D_deformation], the same in all modes
    deformation_spread: Tensor  # [B, K, H, D_deformation]


def draw(block: Block, draws: Draws, spread: Spread) -> dict[str, Tensor]:
    """One future per row, by code: pose [B, H, K, P] follows a mode drawn for each object; camera [B, H, C], detail
    [B, H, D_detail] and deformation [B, H, K, D_deformation] have one mode.

    branches: an object takes the middle of its mode, the others their own. Modes that overlap with the drawn one are the same
    future told several times: their average, by probability, is nearer to the truth than any of them.
    full: a draw from the learned distribution, whose places are made unsure by PLACE_ERROR_PX. One deviation, in spreads,
    holds for a whole block, so that every frame has the learned spread and a track stays smooth.
    """
    chances = block.mode_logits.softmax(-1)
    uniform = draws.uniform(chances.shape[:-1], chances.device)
    mode = (chances.cumsum(-1) < uniform[..., None]).sum(-1).clamp(max=chances.shape[-1] - 1)

    def of_mode(values: Tensor) -> Tensor:
        return torch.take_along_dim(values, mode.view(*mode.shape, *[1] * (values.dim() - 2)), 2)

    moving = of_mode(block.moving)  # [B, K, 1, H, P - 1]
    pose = torch.cat([block.moving, block.visibility_logits.sigmoid()[..., None]], -1)
    camera, detail, deformation = block.camera, block.detail, block.deformation
    if spread == "branches":
        unsure = unsure_of_place(block.moving_spread)
        overlap = _log_overlap(block.moving, unsure, moving, of_mode(unsure))  # [B, K, M, H]
        share = (block.mode_logits[..., None] + overlap).softmax(2)
        pose = (share[..., None] * pose).sum(2)
    else:
        deviation = unsure_of_place(of_mode(block.moving_spread)) * draws.sech(moving[:, :, :, :1])
        pose = (of_mode(pose) + functional.pad(deviation, (0, 1)))[:, :, 0]
        camera = camera + block.camera_spread * draws.sech(camera[:, :1])
        detail = detail + block.detail_spread * draws.sech(detail[:, :1])
        deformation = deformation + block.deformation_spread * draws.sech(deformation[:, :, :1])
    return {
        "pose": pose.transpose(1, 2), "camera": camera, "detail": detail, "deformation": deformation.transpose(1, 2)
    }


def _log_overlap(middle: Tensor, spread: Tensor, other: Tensor, other_spread: Tensor) -> Tensor:
    """Logarithm of the cosine between two normal distributions of x and y [..., P - 1], as functions: 0 where they are the
    same, less where they lie apart or one is wider."""
    variance = (spread.square() + other_spread.square())[..., :2]
    apart = (middle - other)[..., :2].square() / variance
    return ((2 * (spread * other_spread)[..., :2] / variance).log() - apart).sum(-1) / 2


def unsure_of_place(spread: Tensor, error: float = PLACE_ERROR_PX) -> Tensor:
    """The spread [..., P - 1] of moving components with an error, px, added in x and y."""
    place, rest = spread.tensor_split([2], -1)
    return torch.cat([(place.square() + error**2).sqrt(), rest], -1)
