"""An evenly spaced choice out of many."""

import numpy as np


def evenly_spaced(count: int, num_chosen: int) -> np.ndarray:
    """At most num_chosen of the places 0 .. count - 1, both ends among them (one alone is the first): int64, rising."""
    return np.linspace(0, count - 1, min(count, num_chosen)).round().astype(np.int64)
