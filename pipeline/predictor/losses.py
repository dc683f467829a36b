"""What training lowers: a predictor's surprise, the negative log-likelihood of what came.

Legend: B batch, K slots, M modes, H horizon, P pose components.
"""

import math
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents
from pipeline.predictor.block import Block


def surprise(block: Block, target: Latents) -> dict[str, Tensor]:
    """Negative log-likelihood of the H frames of `target`, nats per predicted number: "loss", the sum, and its parts by
    name ("objects", then the other codes).

    An object's trajectory has the likelihood sum_m p(m) prod_t Sech(x_t; mean_mt, spread_mt) Bernoulli(visible_t). The
    hyperbolic secant is round like a normal distribution in the middle, so that the modes need not imitate noise. Its
    tails are a Laplace's, which keeps a sudden turn from ruling the gradient. An object counts by its presence, its
    place in a frame by its visibility there.
    """
    of_object = -torch.logsumexp(block.mode_logits.log_softmax(-1) - _surprise_of_modes(block, target), -1)
    parts = {"objects": _per_number(of_object, block, target)}
    for name, mean in block.means.items():
        came = target.codes[name]
        if CODES[name].owner == "scene":
            parts[name] = sech_surprise(came, mean, block.spreads[name]).mean()
        else:
            change = sech_surprise(came.transpose(1, 2), mean, block.spreads[name]).mean(-1)
            seen = target.presence[:, :, None] * poses.visibility(target.pose).transpose(1, 2)  # [B, K, H]
            parts[name] = (change * seen).mean()
    return {"loss": cast(Tensor, sum(parts.values())), **parts}


def nearest_mode_surprise(block: Block, target: Latents) -> Tensor:
    """What "objects" of `surprise` would be if each object had only the mode m nearest to `target` in x and y: that
    mode's own surprise - log p(m). It is never less than "objects".

    By likelihood alone one broad mode soon has all objects, and modes that would fit better learn nothing. Choosing
    modes by distance is multiple trajectory prediction (Cui et al. 2019, arXiv 1809.10732).
    """
    pose = target.pose.transpose(1, 2)[:, :, None]
    apart = (poses.place(pose) - poses.place(block.moving)).norm(dim=-1) * poses.visibility(pose)
    nearest = apart.sum(-1).argmin(-1, keepdim=True)  # [B, K, 1]
    taken = _surprise_of_modes(block, target) - block.mode_logits.log_softmax(-1)
    return _per_number(taken.take_along_dim(nearest, -1)[..., 0], block, target)


def _per_number(of_object: Tensor, block: Block, target: Latents) -> Tensor:
    """Mean surprise per number of a trajectory, from the surprise of whole trajectories [B, K]; absent objects count
    0."""
    return (of_object * target.presence).mean() / block.place_spread[0, 0, 0].numel()


def _surprise_of_modes(block: Block, target: Latents) -> Tensor:
    """Surprise [B, K, M] at each object's whole trajectory, had it only the one mode."""
    pose = target.pose.transpose(1, 2)[:, :, None]  # [B, K, 1, H, P]
    visibility = poses.visibility(pose).expand_as(block.visibility_logits)
    course = sech_surprise(poses.place(pose), poses.place(block.moving), block.place_spread).sum(-1) * visibility
    seen = functional.binary_cross_entropy_with_logits(block.visibility_logits, visibility, reduction="none")
    return (course + seen).sum(-1)


def sech_surprise(value: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    """-log of the density sech(pi / 2 * (value - mean) / spread) / (2 spread); its standard deviation is the spread."""
    distance = (value - mean).abs() / spread * (math.pi / 2)
    log_cosh = distance + functional.softplus(-2 * distance) - math.log(2)
    return log_cosh + torch.log(2 * spread)
