"""Does an object keep its appearance code? How much it varies within a clip beside how much it varies between objects.

Protocol of appearance_variance_ratio, which needs no ground truth. The first and the second half of a test sequence
are encoded on their own, so that they give two codes of each object. A half's slots are those of the whole sequence
with which their segmentations overlap best (segmentation.match_slots), by at least MIN_OVERLAP. Over all objects
found in both halves: within = the variance of an object's two codes (unbiased: half their squared distance), between
= the variance of the objects' mean codes, both summed over the code's features; the figure is within / between. 0:
the code depends on the object alone.

Legend: n objects, D features, T frames, K slots.
"""

import numpy as np

from pipeline.metrics.segmentation import UNMATCHED, intersection_over_union, match_slots, overlap_counts

MIN_OVERLAP = 0.5


def slots_of_half(whole: np.ndarray, half: np.ndarray, num_slots: int) -> np.ndarray:
    """Segmentations int [T, H, W] of the same frames, by the codes of the whole sequence and by those of the half ->
    the half's slot for each slot of the whole: int [K], UNMATCHED where none overlaps enough."""
    counts = overlap_counts(whole, half, num_slots, num_slots)
    slot_of, overlap = match_slots(counts), intersection_over_union(counts)
    sure = overlap[np.arange(num_slots), slot_of] >= MIN_OVERLAP
    return np.where(sure & (slot_of != UNMATCHED), slot_of, UNMATCHED)


def variance_ratio(pairs: np.ndarray) -> float | None:
    """The two codes of each object [n, 2, D] -> within / between; None for fewer than two objects or codes that do
    not differ between them."""
    if len(pairs) < 2:
        return None
    pairs = pairs.astype(np.float64)
    within = np.square(pairs[:, 0] - pairs[:, 1]).sum(1).mean() / 2
    between = pairs.mean(1).var(0, ddof=1).sum()
    return float(within / between) if between > 0 else None
