"""Means over everything and over each step, where some values are not known."""

import numpy as np


def mean_by_step(name: str, values: np.ndarray) -> dict[str, float | list[float | None] | None]:
    """Values [n, T], NaN where there are none -> NAME, their mean, and NAME_by_step, that of each of the T steps; None
    where there are none at all."""
    return {name: _mean(values), f"{name}_by_step": [_mean(column) for column in values.T]}


def _mean(values: np.ndarray) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
