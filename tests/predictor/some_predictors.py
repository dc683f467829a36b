"""Predictors without any training, and what they are made to do."""

import math

import torch

from pipeline.latents.latents import Latents
from pipeline.predictor.context import NUM_OF_PLACE, PredictorConfig
from pipeline.predictor.network_params import DeterministicParams, MixtureParams
from pipeline.predictor.predictor import Predictor
from tests.predictor.some_latents import SPEC

ARCHITECTURES = {
    "mixture": MixtureParams(hidden_dim=16, num_layers=2, num_heads=2, num_modes=4),
    "deterministic": DeterministicParams(hidden_dim=16, num_layers=1, num_heads=2),
}


def untrained(kind: str, augmentation: str = "motion") -> Predictor:
    torch.manual_seed(0)
    architecture = ARCHITECTURES[kind]
    return Predictor(PredictorConfig(
        architecture=architecture, spec=SPEC, context_frames=6, horizon=4, augmentation=augmentation
    ))


def training_loss(model: Predictor, clips: Latents) -> torch.Tensor:
    torch.manual_seed(0)
    return model.losses(clips.frames(0, 6), clips.frames(6, 10))["loss"]


def set_motion(model: Predictor, heading=None, walls=(0.0, 0.0, -100.0), follows=None, beside=None) -> None:
    """Makes all objects move alike: straight on, beside the line by `beside` px in x [modes], through walls."""
    num_modes = model.config.architecture.num_modes
    around = torch.stack([-2 * math.pi / num_modes * torch.arange(num_modes), torch.zeros(num_modes)], -1)
    residual = torch.zeros(num_modes, 4, NUM_OF_PLACE)
    residual[..., 0] = torch.zeros(num_modes)[:, None] if beside is None else torch.tensor(beside)[:, None]
    with torch.no_grad():
        for layer in (model.moving, model.spread, model.mode_logits):
            layer.weight.zero_()
            layer.bias.zero_()
        heading = around if heading is None else torch.tensor(heading).expand(num_modes, 2)
        follows = torch.tensor([0.0, 100, 0, 0, 0, 100, 0, 0] if follows is None else follows)
        rest = [torch.tensor(walls).expand(num_modes, 3), follows.expand(num_modes, 8), residual.flatten(1)]
        model.moving.bias.copy_(torch.cat([heading, *rest], 1).flatten())
