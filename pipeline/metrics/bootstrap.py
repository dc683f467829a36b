"""Error bars: how far a mean over clips would move with other clips of the same kind."""

import numpy as np

NUM_RESAMPLES = 1000
SEED = 0


def interval_95(by_clip: np.ndarray) -> list[float] | None:
    """95 % percentile bootstrap interval of the mean over clips [n] (Efron and Tibshirani 1993, section 13.3).

    Clips are drawn again with replacement NUM_RESAMPLES times, by a fixed seed, so that figures of the same clips are
    drawn alike. None for fewer than two clips.
    """
    count = len(by_clip)
    if count < 2:
        return None
    drawn = np.random.default_rng(SEED).integers(count, size=(NUM_RESAMPLES, count))
    return np.quantile(by_clip[drawn].mean(1), (0.025, 0.975)).tolist()
