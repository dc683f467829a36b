"""How rare a value is, by what was seen before: counted as far as there is something to count, fitted beyond."""

import math

import numpy as np
from scipy.stats import genpareto

FITTED_SHARE = 0.1
"""Largest values that the tail is fitted to."""
_FEWEST = 10
"""Values that a fit needs; with fewer the scale is their mean."""
_LEAST_SCALE = 0.5
"""Of the tail, nats: values that hardly differ do not say that others cannot."""
_RAREST = 1e-300
"""So that a logarithm can be taken."""
_MOST_SHAPE = 0.5
"""Shape of the heaviest tail that is believed: one without variance."""
_AT_ONCE = 10
"""Values that say the same, frames: what surprises does so until a context of about as many knows it."""


class Tail:
    """The distribution of `values` [n], of which -inf and NaN are the smallest. Its upper tail is a generalised Pareto
    distribution (Pickands 1975), so that one in a thousand means something where hundreds were seen.

    Its shape is 1 / n at least, of n things seen: that is what an exponential tail, of which n values are known, says
    of the next one. From few values a fit finds an end where there is none."""

    def __init__(self, values: np.ndarray):
        """Raises ValueError without values."""
        if not len(values):
            raise ValueError("no values")
        self._sorted = np.sort(_unknown_least(values))
        most = max(1, math.ceil(FITTED_SHARE * len(values)))
        start = self._sorted[-most - 1] if most < len(values) else self._sorted[0]
        finite = self._sorted[np.isfinite(self._sorted)]
        self._start = float(start) if np.isfinite(start) else float(finite[0]) if len(finite) else 0.0
        excess = self._sorted[self._sorted > self._start] - self._start
        self._above = (len(excess) + 1) / (len(values) + 1)
        shapes = min(_MOST_SHAPE, _AT_ONCE / len(excess)) if len(excess) else 0.0, _MOST_SHAPE
        self._shape, self._scale = shapes[0], float(excess.mean()) if len(excess) else 0.0
        if len(excess) >= _FEWEST:
            with np.errstate(all="ignore"):  # it tries parameters that make no sense, too
                self._shape = float(np.clip(genpareto.fit(excess, floc=0)[0], *shapes))
                # the scale that fits best with a shape that is believed
                self._scale = float(genpareto.fit(excess, f0=self._shape, floc=0)[2])
        self._scale = max(self._scale, _LEAST_SCALE)

    def rarity(self, values: np.ndarray) -> np.ndarray:
        """Share of all values that are at least as large, in (0, 1], of values of any shape; NaN and -inf: 1."""
        values = _unknown_least(values)
        n = len(self._sorted)
        counted = (n - np.searchsorted(self._sorted, values, side="left") + 1) / (n + 1)
        beyond = values > self._start
        fitted = self._above * genpareto.sf(np.where(beyond, values - self._start, 0), self._shape, scale=self._scale)
        return np.where(beyond, fitted.clip(min=_RAREST), counted.clip(max=1))


def _unknown_least(values: np.ndarray) -> np.ndarray:
    return np.where(np.isnan(values), -np.inf, values.astype(np.float64))
