"""Judges how sure a forecast is of where its objects will be, clip after clip.

The truth is the true segmentation, whose objects are matched to slots in the given frames; where there is none, the
masks that the autoencoder finds in the whole sequence, whose slots are matched by their tracks over the given frames.

Legend: B clips, T steps of the forecast, N true objects, K slots, H W px.
"""

import numpy as np

from pipeline.latents.latents import Latents
from pipeline.latents.matching import NOWHERE, same_objects
from pipeline.metrics import segmentation
from pipeline.metrics.occupancy import occupancy_cases, occupancy_figures
from pipeline.thresholds import PRESENT

TRUE, FOUND = "true segmentation", "segmentation of the decoded test sequence"
"""What the truth was made from."""


class OccupancyScores:
    """Takes batch after batch; `figures` are those of all of them together. What it keeps does not grow."""

    def __init__(self) -> None:
        self._cases: np.ndarray | None = None
        self._made_from: set[str] = set()

    def add_truth(
        self, occupancy: np.ndarray, presence: np.ndarray, true_ids: np.ndarray, context: np.ndarray, num_objects: int,
    ) -> None:
        """occupancy uint8 [B, T, K, H, W]; presence [B, K]; true_ids int [B, context_frames + T, H, W]; context int [B,
        context_frames, H, W]: which slot the drawn context shows where."""
        given, num_slots = context.shape[1], presence.shape[1]
        for b, ids in enumerate(true_ids):
            counts = segmentation.overlap_counts(ids[:given], context[b], num_objects, num_slots)
            id_of_slot = np.zeros(num_slots, int)
            for item, slot in enumerate(segmentation.match_slots(counts)):
                if slot != segmentation.UNMATCHED:
                    id_of_slot[slot] = item + 1
            self._add(occupancy[b], presence[b], ids[given:], id_of_slot, TRUE)

    def add_found(self, occupancy: np.ndarray, context: Latents, whole: Latents, found: np.ndarray) -> None:
        """context: latents of the given frames as the forecast has them; whole: those of all frames of the same clips
        as they were encoded with their sequences, both with batch axis B; found int [B, T, H, W]: which slot the latter
        show where after the given frames."""
        slot_of = same_objects(context, whole.frames(0, context.num_frames)).numpy()
        presence = context.presence.numpy()
        for b, ids in enumerate(found):
            self._add(occupancy[b], presence[b], ids, np.where(slot_of[b] == NOWHERE, 0, slot_of[b] + 1), FOUND)

    def figures(self, num_samples: int) -> dict[str, object] | None:
        """Figures as metrics.occupancy gives them, and `made_from`: what the truth was made from, a list for the sake
        of `dvc metrics show`. None where nothing was added."""
        if self._cases is None:
            return None
        return {**occupancy_figures(self._cases, num_samples), "made_from": sorted(self._made_from)}

    def _add(
        self, occupancy: np.ndarray, presence: np.ndarray, ids: np.ndarray, id_of_slot: np.ndarray, made_from: str,
    ) -> None:
        """Adds the cases of one clip. ids int [T, H, W]; id_of_slot int [K]: the id under which a slot's object shows,
        0 where it has none."""
        held = np.flatnonzero(presence > PRESENT)
        wanted = id_of_slot[held][:, None, None]
        cases = occupancy_cases(occupancy[:, held], (ids[:, None] == wanted) & (wanted > 0))
        self._cases = cases if self._cases is None else self._cases + cases
        self._made_from.add(made_from)
