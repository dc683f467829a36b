"""Principal components in closed form, with fixed signs, so that equal data gives equal bytes.

Legend: N rows of data, D numbers in each.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

MIN_SCALE = 0.02
"""Components that vary less than this (standard deviation) are not blown up to unit variance."""
NUM_VARIMAX_ROUNDS = 60


def principal_axes(moment: Tensor) -> tuple[Tensor, Tensor]:
    """Principal axes of second moments [D, D]: orthonormal rows [D, D], those of the greatest energy first, and the
    energy [D] of each. The largest entry of each row is positive.
    """
    energy, vectors = torch.linalg.eigh(moment)
    axes = vectors.flip(1).T
    largest = axes.gather(1, axes.abs().argmax(1, keepdim=True))
    return axes * torch.where(largest < 0, -1.0, 1.0), energy.flip(0).clamp(min=0)


@dataclass(frozen=True)
class Prior:
    """What is known of rows before any is seen."""

    covariance: Tensor
    """[D, D], of any size: it is brought to the rows' own variance."""
    num_rows: float
    """Rows that it counts as."""


def principal_components(
    rows: Tensor, num_components: int, origin: Tensor | None = None, prior: Prior | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [D] of rows [N, D], leading components [num_components, D] (orthonormal; zero past the rank) and their
    standard deviations; about the point `origin` [D] in the mean's stead, if given.

    With a prior, those of the mean of both covariances, weighted by their rows (the mean of an inverse Wishart
    distribution after the rows are seen; Haff 1980): few rows span little, and the next one differs in what they lack.
    """
    mean = rows.mean(0) if origin is None else origin
    centred = rows - mean
    moment, num_rows = centred.T @ centred, max(1.0, len(rows) - 1)
    if prior is not None:
        likewise = moment.trace() / num_rows / prior.covariance.trace()
        moment, num_rows = moment + prior.num_rows * likewise * prior.covariance, num_rows + prior.num_rows
    axes, variance = principal_axes(moment / num_rows)
    missing = max(0, num_components - len(axes))
    components = F.pad(axes[:num_components], (0, 0, 0, missing))
    return mean, components, F.pad(variance[:num_components].sqrt(), (0, missing)).clamp(min=MIN_SCALE)


def simple_structure(components: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """Components [num_components, D] rotated by varimax (Kaiser 1958) until each speaks of a part of the picture and
    leaves the rest alone, and the standard deviations along them. They span the same space. Components that hardly vary
    stay as they are.

    Each principal component speaks of the whole picture, the lesser ones of noise. In components that speak of parts a
    probe, or a hand, finds what it looks for with fewer examples.
    """
    real = scale > MIN_SCALE
    loadings = components[real].T
    rotation = torch.eye(loadings.shape[1], dtype=loadings.dtype, device=loadings.device)
    for _ in range(NUM_VARIMAX_ROUNDS):
        turned = loadings @ rotation
        slope = loadings.T @ (turned**3 - turned * turned.square().mean(0))
        left, _, right = torch.linalg.svd(slope)
        rotation = left @ right
    components, scale = components.clone(), scale.clone()
    components[real] = rotation.T @ components[real]
    scale[real] = (rotation.square().T @ scale[real].square()).sqrt()
    return components, scale
