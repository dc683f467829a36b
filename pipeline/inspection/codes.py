"""What the numbers of a latent store look like: their spread, which of them never change, how many objects there are.

Legend: R rows (sequences or clips), K slots.
"""

from dataclasses import dataclass

import numpy as np
import zarr

from pipeline.inspection.facts import dims_of
from pipeline.latents.codes import CODES
from pipeline.thresholds import PRESENT
from pipeline.zarr_io import array_of, read_rows

DEAD = 0.01
"""A number is dead that varies by less than this share of the root mean square variation of its code."""


@dataclass(frozen=True)
class CodeStatistics:
    """One code, or one component of it, over all rows, frames and present slots."""

    name: str
    units: str
    num_numbers: int
    mean: float
    std: float
    minimum: float
    maximum: float
    dead: tuple[int, ...]
    """Which of its numbers are dead."""


@dataclass(frozen=True)
class PresenceHistogram:
    """How many objects the rows hold."""

    of_slot: np.ndarray
    """Share of the rows in which a slot holds an object [K]."""
    of_count: np.ndarray
    """Share of the rows with 0 .. K objects [K + 1]."""
    undecided: float
    """Share of all presences between 0.1 and 0.9."""


def code_statistics(group: zarr.Group) -> list[CodeStatistics]:
    """Statistics of every code of a store of latents or predicted latents, without what belongs to empty slots."""
    present = read_rows(group, "presence") > PRESENT
    statistics = []
    for name, code in CODES.items():
        if name == "presence" or name not in group:
            continue
        values = read_rows(group, name).astype(np.float64)
        if code.owner == "object":  # slot right after the row, then any axes, then numbers
            slot = dims_of(array_of(group, name)).index("slot")
            values = np.moveaxis(values, slot, 1)[present]
        values = values.reshape(-1, 1 if code.width is None else values.shape[-1])
        for i, component in enumerate(code.components):
            statistics.append(_statistics(f"{name} {component}", code.units[i], values[:, i:i + 1]))
        if not code.components:
            statistics.append(_statistics(name, code.units[0], values))
    return statistics


def presence_histogram(group: zarr.Group) -> PresenceHistogram:
    presence = read_rows(group, "presence")
    present = presence > PRESENT
    counts = np.bincount(present.sum(1), minlength=presence.shape[1] + 1)
    undecided = ((presence > 0.1) & (presence < 0.9)).mean()
    return PresenceHistogram(present.mean(0), counts / len(presence), float(undecided))


def _statistics(name: str, units: str, values: np.ndarray) -> CodeStatistics:
    """values [n, numbers]"""
    if not len(values):
        unknown = float("nan")
        return CodeStatistics(name, units, values.shape[1], unknown, unknown, unknown, unknown, ())
    spread = values.std(0)
    dead = np.flatnonzero(spread <= DEAD * np.sqrt(np.square(spread).mean()))
    return CodeStatistics(
        name, units, values.shape[1], float(values.mean()), float(values.std()), float(values.min()),
        float(values.max()), tuple(dead.tolist()),
    )
