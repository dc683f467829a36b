"""Clips in random codes, and what they are drawn from."""

import torch

from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(
    num_slots=3, background_dim=5, appearance_dim=7, height=32, width=48, detail_dim=2, deformation_dim=1
)


def some_latents(batch=5, num_frames=10, seed=0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    latents = Latents(**{n: torch.rand(batch, *SPEC.shape(n, num_frames), generator=generator) for n in CODES})
    return latents.replace(pose=latents.pose * torch.tensor([48.0, 32, 1, 1, 1, 1]))


def draws(seed=0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
