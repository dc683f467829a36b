"""Which code knows where an object is: linear probes from codes to true positions.

Protocol. A true object is matched to a slot by segmentation overlap over the clip (segmentation.match_slots); every
frame in which a matched object shows is one example. Probes are ridge regressions, fitted on the examples of every
second video of the test split (in the order of their names) and scored on those of the others, so no video is on both
sides; the strength of their penalty is chosen by cross-validation within the fitted half. position_r2_time_varying:
pose of the matched slot in that frame -> x, y of the object in that frame. position_r2_time_independent: appearance
of the matched slot (one code per clip) -> the same. The score is the coefficient of determination R2 on the held-out
half, averaged over x and y; codes outside of what the fitted half showed are taken to its nearest bound. 1 is perfect,
0 as good as always answering the mean, below 0 worse than that.

Legend: T frames, N true objects, K slots, M examples, D features.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pipeline.metrics.segmentation import UNMATCHED

STRENGTHS = tuple(10.0**exponent for exponent in range(-4, 3))
"""Penalties to choose from, for standardised codes and the mean squared error."""
NUM_FOLDS = 5


@dataclass(frozen=True)
class Examples:
    """What the probes see: pose [M, P], appearance [M, D], position [M, 2] px, and the video of each example, str
    [M]."""

    pose: np.ndarray
    appearance: np.ndarray
    position: np.ndarray
    video_id: np.ndarray


def examples_of_clip(
    pose: np.ndarray, appearance: np.ndarray, position: np.ndarray, slot_of: np.ndarray, shown: np.ndarray,
    video_id: str,
) -> Examples:
    """Codes pose [T, K, P] and appearance [K, D], truth position [T, N, 2], slot_of int [N], shown bool [T, N] ->
    examples."""
    frame, item = np.nonzero(shown & (slot_of != UNMATCHED))
    slot = slot_of[item]
    video_ids = np.full(len(frame), video_id, dtype=object)
    return Examples(pose[frame, slot], appearance[slot], position[frame, item], video_ids)


def position_figures(clips: list[Examples]) -> dict[str, float | None]:
    """position_r2_time_varying and position_r2_time_independent of the test clips by the protocol above.

    None where one half has no example, or one video alone (a strength cannot be chosen then).
    """
    video_id = np.concatenate([clip.video_id for clip in clips])
    position = np.concatenate([clip.position for clip in clips])
    videos = np.unique(video_id)
    fitted = np.isin(video_id, videos[::2])
    if len(videos) < 3:
        return {"position_r2_time_varying": None, "position_r2_time_independent": None}
    codes = {
        "position_r2_time_varying": np.concatenate([clip.pose for clip in clips]),
        "position_r2_time_independent": np.concatenate([clip.appearance for clip in clips]),
    }
    return {name: probe_r2(code, position, video_id, fitted) for name, code in codes.items()}


def probe_r2(codes: np.ndarray, factors: np.ndarray, video_id: np.ndarray, fitted: np.ndarray) -> float:
    """Fits codes [M, D] -> factors [M, F] on the examples marked in `fitted` [M]; returns the mean R2 over F on the
    others.

    The strength of the penalty is the one of STRENGTHS that predicts best, each in turn, the fitted videos left out of
    NUM_FOLDS groups of videos.
    """
    codes, factors = codes.astype(np.float64), factors.astype(np.float64)
    known, answers, videos = codes[fitted], factors[fitted], video_id[fitted]
    groups = np.unique(videos, return_inverse=True)[1] % NUM_FOLDS
    errors = np.zeros(len(STRENGTHS))
    for fold in np.unique(groups):
        inside = groups != fold
        for i, strength in enumerate(STRENGTHS):
            answer = ridge_regression(known[inside], answers[inside], strength)
            errors[i] += np.square(answer(within(known[~inside], known[inside])) - answers[~inside]).sum()
    answer = ridge_regression(known, answers, STRENGTHS[errors.argmin()])
    held_out = factors[~fitted]
    unexplained = np.square(answer(within(codes[~fitted], known)) - held_out).mean(0)
    variance = held_out.var(0)
    return float(np.mean(1 - unexplained / np.where(variance > 0, variance, 1.0)))


def within(codes: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Codes [M, D] taken to the nearest bound of what known [n, D] shows. A visibility that is always 1 there would,
    once it is 0, be thousands of spreads away."""
    return codes.clip(known.min(0), known.max(0))


def ridge_regression(codes: np.ndarray, factors: np.ndarray, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """Returns the linear map from codes [M, D] to factors [M, F] that minimises mean squared error + strength *
    |weights|^2; codes are standardised for it by their own mean and spread."""
    centre, spread, offset = codes.mean(0), codes.std(0), factors.mean(0)
    spread = np.where(spread > 1e-8, spread, 1.0)
    known = (codes - centre) / spread
    gram = known.T @ known / len(known) + strength * np.eye(codes.shape[1])
    weights = np.linalg.solve(gram, known.T @ (factors - offset) / len(known))
    return lambda codes: (codes - centre) / spread @ weights + offset
