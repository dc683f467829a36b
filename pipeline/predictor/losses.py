"""What training lowers: how surprised a predictor is by what came.

Legend: B batch, K slots, M modes, H horizon, P pose components, C camera components.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.latents.latents import Latents
from pipeline.predictor.block import NUM_MOVING, VISIBILITY, Block


def surprise(block: Block, target: Latents) -> dict[str, Tensor]:
    """Negative log-likelihood of the H frames of `target` per predicted number, with its parts by name.

    An object's trajectory has the likelihood sum_m p(m) prod_t Sech(x_t; mean_mt, spread_mt) Bernoulli(visible_t). The
    hyperbolic secant is round like a normal distribution in the middle, so that the modes need not imitate noise, and
    its tails are a Laplace's, which keeps a sudden turn from ruling the gradient. An object counts by its presence, its
    place in a frame by its visibility there.
    """
    of_object = -torch.logsumexp(block.mode_logits.log_softmax(-1) - _surprise_of_modes(block, target), -1)
    objects = (of_object * target.presence).mean() / (block.moving.shape[-2] * NUM_MOVING)
    parts = {"objects": objects, "camera": _sech_surprise(target.camera, block.camera, block.camera_spread).mean()}
    if target.detail.shape[-1]:
        parts["detail"] = _sech_surprise(target.detail, block.detail, block.detail_spread).mean()
    if target.deformation.shape[-1]:
        change = _sech_surprise(target.deformation.transpose(1, 2), block.deformation, block.deformation_spread).mean(-1)
        seen = target.presence[:, :, None] * target.pose[..., VISIBILITY].transpose(1, 2)  # [B, K, H]
        parts["deformation"] = (change * seen).mean()
    return {"loss": sum(parts.values()), **parts}


def nearest_mode_surprise(block: Block, target: Latents) -> Tensor:
    """The same of the objects had each taken the mode that lies nearest to `target` in x and y: -log p(m) more than that one's
    own surprise, never less than `surprise`.

    By likelihood alone one broad mode soon has them all, and those that would fit better learn nothing. Choosing modes by
    distance is multiple trajectory prediction (Cui et al. 2019, arXiv 1809.10732).
    """
    pose = target.pose.transpose(1, 2)[:, :, None]
    apart = (pose[..., :2] - block.moving[..., :2]).norm(dim=-1) * pose[..., VISIBILITY]
    nearest = apart.sum(-1).argmin(-1, keepdim=True)  # [B, K, 1]
    taken = _surprise_of_modes(block, target) - block.mode_logits.log_softmax(-1)
    of_object = taken.take_along_dim(nearest, -1)[..., 0]
    return (of_object * target.presence).mean() / (block.moving.shape[-2] * NUM_MOVING)


def _surprise_of_modes(block: Block, target: Latents) -> Tensor:
    """Of each object's trajectory, if it is that of a mode: [B, K, M]."""
    pose = target.pose.transpose(1, 2)[:, :, None]  # [B, K, 1, H, P]
    moving, visibility = pose[..., :NUM_MOVING], pose[..., VISIBILITY].expand_as(block.visibility_logits)
    place = _sech_surprise(moving, block.moving, block.moving_spread).sum(-1) * visibility
    seen = functional.binary_cross_entropy_with_logits(block.visibility_logits, visibility, reduction="none")
    return (place + seen).sum(-1)


def _sech_surprise(value: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """-log of the density sech(pi / 2 * (value - mean) / spread) / (2 spread); its standard deviation is the spread."""
    distance = (value - mean).abs() / spread * (math.pi / 2)
    log_cosh = distance + functional.softplus(-2 * distance) - math.log(2)
    return log_cosh + torch.log(2 * spread)
