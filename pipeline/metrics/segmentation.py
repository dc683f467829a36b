"""Whether each object was found, as one object, and kept: scores of a segmentation against the true one.

Legend: T frames, N true objects, K slots, H W px. A segmentation is integer ids: 0 background, i = object (or slot) i
- 1. Everything is computed from `counts` [T, N+1, K+1]: how many pixels of frame t belong to true id i and predicted
id k.
"""

import numpy as np
from scipy.optimize import linear_sum_assignment

UNMATCHED = -1


def overlap_counts(truth: np.ndarray, predicted: np.ndarray, num_objects: int, num_slots: int) -> np.ndarray:
    """Segmentations [T, H, W] with ids up to num_objects and num_slots -> counts int64 [T, N+1, K+1]."""
    assert truth.shape == predicted.shape, f"truth {truth.shape}, predicted {predicted.shape}"
    shape = (len(truth), num_objects + 1, num_slots + 1)
    frame = np.arange(shape[0]).reshape(-1, 1, 1)
    cell = (frame * shape[1] + truth.astype(np.int64)) * shape[2] + predicted.astype(np.int64)
    return np.bincount(cell.ravel(), minlength=np.prod(shape)).reshape(shape)


def visible(counts: np.ndarray) -> np.ndarray:
    """Which true objects show at least one pixel in which frame: bool [T, N]."""
    return counts[:, 1:].sum(2) > 0


def adjusted_rand_index(table: np.ndarray) -> float:
    """Adjusted Rand index of a contingency table [true clusters, predicted clusters] (Hubert and Arabie 1985, eq. 5).

    1 for equal partitions (also trivial ones), 0 on average for random ones. `table` must count at least one thing.
    """
    def num_pairs(count: np.ndarray) -> float:
        return float((count * (count - 1) // 2).sum())

    together, in_truth, in_prediction = num_pairs(table), num_pairs(table.sum(1)), num_pairs(table.sum(0))
    expected = in_truth * in_prediction / max(num_pairs(table.sum()), 1.0)
    largest = (in_truth + in_prediction) / 2
    return 1.0 if largest == expected else (together - expected) / (largest - expected)


def fg_ari(counts: np.ndarray) -> float | None:
    """Adjusted Rand index over the pixels that are foreground in the truth, per frame, averaged over the clip's frames.

    The background's id counts as one more predicted cluster. Frames without a foreground pixel do not count. None for
    a clip in which fewer than two objects ever show: with one, a single wrong pixel would score 0.
    """
    if visible(counts).any(0).sum() < 2:
        return None
    return float(np.mean([adjusted_rand_index(table) for table in counts[:, 1:] if table.sum() > 0]))


def intersection_over_union(counts: np.ndarray) -> np.ndarray:
    """Overlap of each true object with each slot, intersection and union summed over the clip's frames: [N, K] in [0,
    1]."""
    counts = counts.sum(0)
    union = counts[1:].sum(1)[:, None] + counts[:, 1:].sum(0) - counts[1:, 1:]
    return counts[1:, 1:] / np.maximum(union, 1)


def match_slots(counts: np.ndarray) -> np.ndarray:
    """Each object's slot of the clip, int [N]: the one-to-one matching of largest total overlap (Hungarian method).

    UNMATCHED where no slot is left or the one that is left does not touch the object.
    """
    overlap = intersection_over_union(counts)
    slot_of = np.full(len(overlap), UNMATCHED)
    objects, slots = linear_sum_assignment(overlap, maximize=True)
    touching = overlap[objects, slots] > 0
    slot_of[objects[touching]] = slots[touching]
    return slot_of


def fg_miou(counts: np.ndarray) -> float | None:
    """Overlap of each true object of the clip with its matched slot, averaged over the objects that ever show;
    unmatched ones count 0. None for a clip without objects."""
    overlap, slot_of = intersection_over_union(counts), match_slots(counts)
    scores = [overlap[i, slot] if slot != UNMATCHED else 0.0 for i, slot in enumerate(slot_of)]
    shown = visible(counts).any(0)
    return float(np.mean(np.array(scores)[shown])) if shown.any() else None


def identity_kept(counts: np.ndarray) -> np.ndarray:
    """Whether an object keeps its slot, bool [number of (object, frame) pairs in which the object shows]: is the slot
    that overlaps it best in that frame (by intersection over union) its matched slot of the clip? Where no slot touches
    it: False."""
    slot_of, shown = match_slots(counts), visible(counts)
    overlap = np.stack([intersection_over_union(frame[None]) for frame in counts])
    best = np.where(overlap.max(2) > 0, overlap.argmax(2), UNMATCHED)
    return ((best == slot_of) & (best != UNMATCHED))[shown]


def decomposition_figures(counts_of_clips: list[np.ndarray]) -> dict[str, float | None]:
    """fg_ari and fg_miou averaged over the clips that have them, identity_consistency over all (object, frame)
    pairs."""
    def mean(values: list[float | None]) -> float | None:
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None

    kept = np.concatenate([identity_kept(counts) for counts in counts_of_clips])
    return {
        "fg_ari": mean([fg_ari(counts) for counts in counts_of_clips]),
        "fg_miou": mean([fg_miou(counts) for counts in counts_of_clips]),
        "identity_consistency": float(kept.mean()) if len(kept) else None,
    }
