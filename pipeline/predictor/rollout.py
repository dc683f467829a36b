"""Continues latents: the one rollout of validation and generation, for every kind of predictor.

Legend: B batch, S samples, T context frames, K slots.
"""

import torch
from torch import Tensor

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
    come from `generator`, which lies on the CPU. What a predictor remembers of earlier frames, it keeps between the steps of
    `futures`, so that a horizon costs time in proportion to its length.
    """
    latents, stop = context.map(lambda code: code.repeat_interleave(num_samples, 0)), context.num_frames + horizon
    for codes in predictor.futures(latents, Draws(generator, num_samples), spread):
        latents = latents.append(**codes)
        if latents.num_frames >= stop:
            return latents.frames(0, stop)


def position_error(predictor: Predictor, context: Latents, target: Latents, seed: int) -> dict[str, Tensor]:
    """Mean distance, px, of one drawn future from `target`, over objects present, at the first and the last frame."""
    future = rollout(predictor, context, target.num_frames, 1, torch.Generator().manual_seed(seed))
    distance = (future.pose[:, context.num_frames:] - target.pose)[..., :2].norm(dim=-1)  # [B, H, K]
    presence = target.presence[:, None]
    of_step = (distance * presence).sum((0, 2)) / presence.sum().clamp(min=1e-6)
    return {"position_error_first": of_step[0], "position_error_last": of_step[-1]}
