"""Does a change of a code do what the code says? Moves objects by their pose and measures how far they went.

Legend: B clips, T frames, K slots, H W px.

Protocol of intervention_error_px. In every clip each slot that holds an object (presence over PRESENT) is looked at in
the one frame in which it is in view (visibility over IN_VIEW) and farthest from the frame's edges, the way it is going
to be moved counted in. SHIFT px are added to its x alone, and to its y alone, and all three are decoded. How far the
object went is the distance between the centroids of its mask (before occlusion, so that others do not matter) along
the axis that was moved. The figure is |distance - SHIFT| averaged over both axes and all slots, px; 0 is perfect.
Slots whose mask lies on the frame's outermost pixels with more than MAX_CUT of its mass in one of the three pictures
are left out: what lies beyond the edge cannot be measured.
"""

import numpy as np

from pipeline.thresholds import IN_VIEW, PRESENT

SHIFT = 5.0
"""px"""
MAX_CUT = 0.01


MOVES = np.array([[0, 0], [SHIFT, 0], [0, SHIFT]], np.float32)
"""The three pictures: as it is, moved along x, moved along y; px."""


def best_frame(place: np.ndarray, visibility: np.ndarray, height: int, width: int) -> np.ndarray:
    """place [B, T, K, 2] px and visibility [B, T, K] -> the frame in which each slot is looked at, int [B, K]."""
    x, y = np.moveaxis(place, -1, 0)
    room = np.min([x, y, width - SHIFT - x, height - SHIFT - y], axis=0)
    return np.where(visibility > IN_VIEW, room, -np.inf).argmax(1)


def shift_errors(mask: np.ndarray, visibility: np.ndarray, presence: np.ndarray) -> np.ndarray:
    """mask [B, 3, K, H, W] decoded from each slot's best frame after MOVES; visibility, presence [B, K] there ->
    |distance - SHIFT|, px: [number of slots that can be measured, 2], along x and along y."""
    mask = mask.astype(np.float64)
    mass = mask.sum((-1, -2))
    cut = mass - mask[..., 1:-1, 1:-1].sum((-1, -2))
    measured = ((mass > 0) & (cut <= MAX_CUT * mass)).all(1) & (presence > PRESENT) & (visibility > IN_VIEW)
    height, width = mask.shape[-2:]
    mass = np.where(mass > 0, mass, 1.0)
    x = (mask.sum(-2) @ (np.arange(width) + 0.5)) / mass
    y = (mask.sum(-1) @ (np.arange(height) + 0.5)) / mass
    distance = np.stack([x[:, 1] - x[:, 0], y[:, 2] - y[:, 0]], -1)
    return np.abs(distance[measured] - SHIFT)
