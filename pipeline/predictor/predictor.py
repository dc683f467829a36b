"""The interface of all kinds of predictor.

Legend: B batch, T frames, K slots, C camera components, D_detail width of the detail code.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from pipeline.latents.latents import POSE, Latents, LatentSpec
from pipeline.predictor.draws import Draws
from pipeline.predictor.predictor_config import PredictorConfig
from pipeline.predictor.spread import Spread

VISIBILITY = POSE.index("visibility")
NUM_MOVING = VISIBILITY
"""Components of a pose that are real numbers; visibility, the last one, is a probability."""
LOG_SPREAD_RANGE = (-5.0, 3.0)
_MAX_LOGIT = 6.0


class Predictor(nn.Module, ABC):
    """Call `fit_normalisation` once before training; the statistics are part of the weights.

    Objects share all weights and look at one another by attention, so that the order of the slots does not matter; what does
    not vary in time (appearance, presence, depth) is part of what is known of an object.
    """

    def __init__(self, config: PredictorConfig):
        super().__init__()
        self.config = config
        self.spec: LatentSpec = config.spec

    @abstractmethod
    def fit_normalisation(self, clips: Latents) -> None:
        """Takes the statistics of training clips of context_frames + horizon frames."""

    @abstractmethod
    def losses(self, context: Latents, target: Latents, progress: float = 1.0) -> dict[str, Tensor]:
        """What training lowers, "loss", with its parts by name: scalars. context: T >= 2 frames, target: the `horizon`
        frames that came after, progress: how much of the training is done, 0 to 1."""

    @abstractmethod
    def futures(self, context: Latents, draws: Draws, spread: Spread) -> Iterator[dict[str, Tensor]]:
        """One future for each row of `context`, T >= 2 frames: one or several further frames of every time-varying code at
        a time, without end."""


def attention_bias(context: Latents) -> Tensor:
    """[B, 1, 1, K], added to the attention paid to each object: an absent one is as good as invisible to the others."""
    return context.presence.clamp(min=1e-3).log()[:, None, None, :]


def scene_codes(latents: Latents) -> Tensor:
    """Camera and detail: what varies in time and belongs to no object, [B, T, C + D_detail]."""
    return torch.cat([latents.camera, latents.detail], -1)


def visibility_logit(share: Tensor) -> Tensor:
    """Of a share in [0, 1], finite."""
    return torch.logit(share, eps=1 / (1 + torch.exp(torch.tensor(_MAX_LOGIT)).item()))
