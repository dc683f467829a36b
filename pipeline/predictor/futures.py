"""Draws futures clip by clip, so that those of one clip depend on nothing but its context, its name and the seed."""

import hashlib

import torch

from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.rollout import rollout
from pipeline.predictor.spread import Spread


def draw_futures(
    predictor: Predictor, context: Latents, name: str, horizon: int, num_samples: int, seed: int, spread: Spread,
) -> Latents:
    """Continues the clip `context` (batch axis 1) of this name. Returns latents of batch axis num_samples, whose time
    axis holds the context and `horizon` predicted frames."""
    generator = torch.Generator().manual_seed(_clip_seed(seed, name))
    return rollout(predictor, context, horizon, num_samples, generator, spread)


def _clip_seed(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "little") >> 1
