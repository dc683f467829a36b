"""A model that computes where it is fastest, for those who hold what they ask and get on the CPU."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from pipeline.latents.latents import Latents


def fastest_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def on_device(model: nn.Module, method: Callable) -> Callable[..., Any]:
    """A method of the model, for frames or latents that lie on the CPU."""
    device = next(model.parameters()).device

    @torch.inference_mode()
    def call(*given: torch.Tensor | Latents) -> Any:
        return method(*(argument.to(device) for argument in given))

    return call
