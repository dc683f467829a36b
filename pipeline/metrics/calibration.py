"""Do samples stray as far from each other as the truth does from them?

Protocol of coverage. For x and for y of every object in view at every step: does the truth lie in the central interval
of the samples, between their quantiles (1 - share) / 2 and (1 + share) / 2? The quantile p of K sorted samples is their
(K + 1) p-th value, so that a truth drawn as the samples are lies inside with probability `share` for any K (about,
where that value lies between two samples); but no interval is wider than from the least to the largest, whose
probability is (K - 1) / (K + 1): `reachable`. Below it the samples are too sure, above it not sure enough. Every
matched object, axis and clip counts alike.

Legend: S samples, T steps, N true objects.
"""

import numpy as np

from pipeline.metrics.by_step import mean_by_step

SHARES = (0.5, 0.9)


def reachable(share: float, num_samples: int) -> float:
    """How often the truth lies in the interval for `share` when it is drawn as the samples are."""
    return min(share, (num_samples - 1) / (num_samples + 1))


def covered(samples: np.ndarray, truth: np.ndarray, counted: np.ndarray, share: float) -> np.ndarray:
    """samples [S, T, N, 2] and truth [T, N, 2], px; counted bool [T, N] -> [T, N, 2]: 1 where the truth lies in the
    central interval, 0 where not, NaN where it does not count."""
    low, high = np.quantile(samples, ((1 - share) / 2, (1 + share) / 2), axis=0, method="weibull")
    return np.where(counted[..., None], (low <= truth) & (truth <= high), np.nan)


def coverage_figures(covered_of_clips: dict[float, list[np.ndarray]], num_samples: int) -> dict[str, object]:
    """share -> `covered` of every clip -> coverage_50 and so on, over all steps and by step, with what is reachable.
    None: nothing to compare."""
    figures: dict[str, object] = {}
    for share, clips in covered_of_clips.items():
        name, by_clip = f"coverage_{share:.0%}".rstrip("%"), [inside.reshape(len(inside), -1) for inside in clips]
        figures |= mean_by_step(name, np.concatenate(by_clip, 1).T)
        figures[f"{name}_reachable"] = reachable(share, num_samples)
    return figures
