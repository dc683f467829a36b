"""What the frames of a forecast are mixed from, step by step: the shares that the autoencoder's weights hold, summed
over what is alike, as curves of the report.

Legend: H steps, N columns of the mix.
"""

import torch
from torch import Tensor

from pipeline.autoencoder.mix import COLUMNS, LAYERS, Mix
from pipeline.report.charts import Line
from pipeline.report.figures import Curve

GROUPS = {
    "layers": (LAYERS,),
    "last frame as it is": ("last", "last_blurred"),
    "last frame moved on by its flow": ("flow", "mean_flow", "half_speed"),
    "its pixels and cut-outs thrown ahead": ("thrown", "thrown_blurred", "cutouts"),
}
REST = "median of the given frames"
"""All columns are differences to the median, so its share is what theirs lack to 1. What swings about it is counted
with it."""
PLACES = {
    "Where neither a cut-out nor an object of the layers lies": ("everywhere",),
    "Where a cut-out and an object of the layers lie": ("everywhere", "cut-outs", "objects"),
}


def mix_curves(mix: Mix, trust: Tensor, horizon: int) -> list[Curve]:
    """Shares by step, one chart for each of PLACES. trust: the predictor's, [its horizon] in [0, 1]; a longer forecast
    goes on with the last of both, as it is drawn."""
    steps = torch.arange(horizon)
    known, believed = (steps.clamp(max=len(values) - 1) for values in (mix.straight, trust))
    shares = torch.lerp(mix.straight.cpu()[known], mix.informed.cpu()[known], trust.cpu()[believed, None])  # [H, N]
    return [Curve(place, "share", "", _lines(shares, where)) for place, where in PLACES.items()]


def _lines(shares: Tensor, where: tuple[str, ...]) -> list[Line]:
    sums = {group: sum((share for (name, place), share in zip(COLUMNS, shares.unbind(1), strict=True)
                        if name in names and place in where), torch.zeros(len(shares)))
            for group, names in GROUPS.items()}
    sums[REST] = 1 - torch.stack(list(sums.values())).sum(0)
    return [Line(group, values.tolist()) for group, values in sums.items()]
