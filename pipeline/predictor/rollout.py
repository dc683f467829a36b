"""Continues latents: the one rollout of validation and generation.

Legend: B batch, T context frames, K slots, H horizon of one block.
"""

import torch
from torch import Tensor

from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.predictor.draws import Draws
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.spread import Spread


@torch.no_grad()
def rollout(
    predictor: Predictor, context: Latents, horizon: int, num_samples: int, generator: torch.Generator,
    spread: Spread = "branches",
) -> Latents:
    """Draws `num_samples` futures of `horizon` frames (any number) for each clip of `context` (T >= 2 frames).

    Returns context and future: batch axis B * num_samples (row b * num_samples + s), time axis T + horizon. All draws
    come from `generator`, which lies on the CPU.

    A block needs no state of the blocks before it: it looks at the last frames alone, once for all its steps. So there
    are no keys and values of earlier steps to keep, and a horizon costs time in proportion to its length.
    """
    latents, draws = context.map(lambda code: code.repeat_interleave(num_samples, 0)), Draws(generator, num_samples)
    while latents.num_frames < context.num_frames + horizon:
        latents = latents.append(**predictor.draw_block(latents, draws, spread))
    return latents.frames(0, context.num_frames + horizon)


def position_error(predictor: Predictor, context: Latents, target: Latents, seed: int) -> dict[str, Tensor]:
    """Mean distance, px, of one drawn future from `target`, over objects present, at the first and the last frame."""
    future = rollout(predictor, context, target.num_frames, 1, torch.Generator().manual_seed(seed))
    distance = poses.place(future.pose[:, context.num_frames:] - target.pose).norm(dim=-1)  # [B, H, K]
    presence = target.presence[:, None]
    by_step = (distance * presence).sum((0, 2)) / presence.sum().clamp(min=1e-6)
    return {"position_error_first": by_step[0], "position_error_last": by_step[-1]}
