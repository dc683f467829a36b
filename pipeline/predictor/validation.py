"""How well a predictor does on clips it does not learn from. A figure of objects is None where no clip holds one.

Legend: B clips, K slots.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.rollout import position_error
from pipeline.thresholds import PRESENT


def hold_objects(latents: Latents) -> bool:
    """Whether a slot of any clip holds an object."""
    return bool((latents.presence > PRESENT).any())


def of_objects(name: str) -> bool:
    """Whether the figure of this name is about objects alone. Without objects it is 0, as if all were perfect."""
    return name == "objects" or name in CODES and CODES[name].owner == "object" or name.startswith("position_error")


@torch.no_grad()
def validation_figures(
    model: Predictor, clips: Iterable[Latents], given: int, seed: int, *, with_objects: bool,
) -> dict[str, float | None]:
    """The parts of the loss as means over clips, and the error of one drawn future, px, as means over their objects.

    clips: batches; the first `given` frames of each clip are context, the rest is what should come. with_objects:
    whether any of all clips holds an object; if not, figures of objects are None.
    """
    means: dict[str, float | None] = {}
    totals: dict[str, float] = {}
    weights: dict[str, float] = {}
    device = next(model.parameters()).device
    for batch in clips:
        context, target = (part.to(device) for part in (batch.frames(0, given), batch.frames(given, batch.num_frames)))
        errors = position_error(model, context, target, seed)
        for figures, weight in ((model.losses(context, target), len(batch)), (errors, _num_objects(target))):
            for name, value in figures.items():
                totals[name] = totals.get(name, 0.0) + value.item() * weight
                weights[name] = weights.get(name, 0.0) + weight
    for name, total in totals.items():
        means[name] = total / weights[name] if with_objects or not of_objects(name) else None
    return means


def _num_objects(latents: Latents) -> float:
    presence: Tensor = latents.presence
    return presence.sum().item()
