"""Draws futures clip by clip, so that those of one clip depend on nothing but its context, its name and the seed."""

import hashlib

import torch
from torch import nn

from pipeline.latents.latents import Latents
from pipeline.predictor.rollout import rollout
from pipeline.predictor.spread import Spread


def draw_futures(
    predictor: nn.Module, context: Latents, names: list[str], horizon: int, num_samples: int, seed: int,
    spread: Spread,
) -> list[Latents]:
    """Continues each clip of `context` (batch axis B, one name each). Returns B latents of batch axis num_samples,
    whose time axis holds the context and `horizon` predicted frames."""
    futures = []
    for b, name in enumerate(names):
        generator = torch.Generator().manual_seed(_clip_seed(seed, name))
        clip = context.map(lambda code, b=b: code[b:b + 1])
        futures.append(rollout(predictor, clip, horizon, num_samples, generator, spread))
    return futures


def _clip_seed(seed: int, name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}\0{name}".encode()).digest()[:8], "little") >> 1
