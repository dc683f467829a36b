"""A world of tracks alone: objects that fly straight and come back from walls."""

import torch

from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(num_slots=3, background_dim=5, appearance_dim=7, height=48, width=48)
CONTEXT, HORIZON = 8, 8
WALLS = 6.0, 42.0
"""Where the middle of an object turns back."""


def some_latents(batch: int, num_frames: int, seed: int) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    return Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES})


def bouncing(start: torch.Tensor, velocity: torch.Tensor, num_frames: int) -> torch.Tensor:
    """Tracks [..., num_frames, 2] that come back from the walls; start, velocity [..., 2]."""
    low, high = WALLS
    times = torch.arange(num_frames)[:, None]
    phase = (start[..., None, :] + velocity[..., None, :] * times - low) % (2 * (high - low))
    return low + torch.where(phase > high - low, 2 * (high - low) - phase, phase)


def clip_of(tracks: torch.Tensor, seed: int = 0) -> Latents:
    """Latents of objects, all present and all alike, on tracks [B, K, T, 2]."""
    pose = torch.zeros(len(tracks), tracks.shape[2], 3, len(poses.COMPONENTS))
    pose[..., :2] = tracks.transpose(1, 2)
    pose[..., poses.COMPONENTS.index("visibility")] = 1
    codes = some_latents(len(tracks), tracks.shape[2], seed)
    return codes.replace(pose=pose, presence=torch.ones_like(codes.presence), appearance=0 * codes.appearance)


def bouncing_clips(batch: int, seed: int) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    start = WALLS[0] + torch.rand(batch, 3, 2, generator=generator) * (WALLS[1] - WALLS[0])
    velocity = (torch.rand(batch, 3, 2, generator=generator) - 0.5) * 6
    return clip_of(bouncing(start, velocity, CONTEXT + HORIZON), seed)
