"""Which code knows where an object is: linear probes from codes to true positions.

Protocol. A true object is matched to a slot by segmentation overlap over the clip (segmentation.match_slots); every
frame in which a matched object shows is one example. Probes are ridge regressions, fitted on the examples of every
second video of the test split (in the order of their names) and scored on those of the others, so no video is on both
sides. position_r2_time_varying: pose of the matched slot in that frame -> x, y of the object in that frame.
position_r2_time_independent: appearance of the matched slot (one code per clip) -> the same. The score is the
coefficient of determination R2 on the held-out half, averaged over x and y: 1 is perfect, 0 as good as always
answering the mean, below 0 worse than that.

Legend: T frames, N true objects, K slots, M examples, D features.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.metrics.segmentation import UNMATCHED


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


def position_figures(clips: list[Examples], ridge: float) -> dict[str, float | None]:
    """position_r2_time_varying and position_r2_time_independent of the test clips by the protocol above.

    None where one half has no example (a single video, or nothing matched).
    """
    video_id = np.concatenate([clip.video_id for clip in clips])
    position = np.concatenate([clip.position for clip in clips])
    fitted = np.isin(video_id, np.unique(video_id)[::2])
    if fitted.all() or not fitted.any():
        return {"position_r2_time_varying": None, "position_r2_time_independent": None}
    codes = {
        "position_r2_time_varying": np.concatenate([clip.pose for clip in clips]),
        "position_r2_time_independent": np.concatenate([clip.appearance for clip in clips]),
    }
    return {name: probe_r2(code, position, fitted, ridge) for name, code in codes.items()}


def probe_r2(codes: np.ndarray, factors: np.ndarray, fitted: np.ndarray, ridge: float) -> float:
    """Fits codes [M, D] -> factors [M, F] on the examples marked in `fitted` [M]; returns the mean R2 over F on the
    others.

    Codes are standardised by the fitted half; the weights minimise mean squared error + ridge * |weights|^2.
    """
    codes, factors = codes.astype(np.float64), factors.astype(np.float64)
    centre, spread = codes[fitted].mean(0), codes[fitted].std(0)
    codes = (codes - centre) / np.where(spread > 1e-8, spread, 1.0)
    answer = factors[fitted].mean(0)
    known = codes[fitted]
    gram = known.T @ known / len(known) + ridge * np.eye(codes.shape[1])
    weights = np.linalg.solve(gram, known.T @ (factors[fitted] - answer) / len(known))
    held_out = factors[~fitted]
    residual = held_out - (codes[~fitted] @ weights + answer)
    variance = held_out.var(0)
    return float(np.mean(1 - (residual**2).mean(0) / np.where(variance > 0, variance, 1.0)))
