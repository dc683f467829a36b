"""Whether slots that say they hold an object do, and whether every object has such a slot.

Legend: T frames, N true objects, K slots, H W px. `counts` are those of metrics.segmentation.

Protocol. A slot claims an object where its presence is over PRESENT. It is right when it is the matched slot
(segmentation.match_slots) of a true object with which its segmentation overlaps by at least MIN_OVERLAP, intersection
over union summed over the clip's frames. True objects count in clips in which they show. presence_precision: right
slots among those that claim one; presence_recall: objects with a right slot among those that show; both pooled over
the clips. num_objects_accuracy: share of the clips in which as many slots claim an object as objects show.
"""

import numpy as np

from pipeline.metrics.segmentation import UNMATCHED, intersection_over_union, match_slots, visible
from pipeline.thresholds import PRESENT

MIN_OVERLAP = 0.5


def presence_figures(counts_of_clips: list[np.ndarray], presence: np.ndarray) -> dict[str, float | None]:
    """counts int [T, N + 1, K + 1] of each clip and presence [clips, K] in [0, 1] -> the three figures; None where
    there is nothing to share out."""
    num_right = num_claimed = num_shown = num_exact = 0
    for counts, claims in zip(counts_of_clips, presence > PRESENT, strict=True):
        shown = visible(counts).any(0)
        slot_of, overlap = match_slots(counts), intersection_over_union(counts)
        objects = np.flatnonzero(shown & (slot_of != UNMATCHED))
        slots = slot_of[objects]
        num_right += int((claims[slots] & (overlap[objects, slots] >= MIN_OVERLAP)).sum())
        num_claimed += int(claims.sum())
        num_shown += int(shown.sum())
        num_exact += int(claims.sum() == shown.sum())
    return {
        "presence_precision": num_right / num_claimed if num_claimed else None,
        "presence_recall": num_right / num_shown if num_shown else None,
        "num_objects_accuracy": num_exact / len(counts_of_clips) if counts_of_clips else None,
    }
