"""How sure a forecast is, pixel by pixel: what its samples agree on.

Legend: S samples, T steps, K slots, C channels, H W px.
"""

import numpy as np

from pipeline.frames.prediction_store import CERTAIN, SPREAD_UNITS


def spread_map(frames: np.ndarray) -> np.ndarray:
    """uint8 frames [S, T, H, W, C] -> uint8 [T, H, W]: standard deviation over the samples (the population's, 0 of one
    sample), mean over channels, in 1 / SPREAD_UNITS of the range; half the range, the most there can be, is 255."""
    steps = [step.astype(np.float32).std(0).mean(-1) for step in np.moveaxis(frames, 1, 0)]
    return np.rint(np.stack(steps) * (SPREAD_UNITS / 255)).astype(np.uint8)


def occupancy_map(segmentation: np.ndarray, num_slots: int) -> np.ndarray:
    """Which slot each sample shows where, int [S, T, H, W], 0 background and k + 1 slot k -> uint8 [T, K, H, W]: the
    share of the samples in which slot k is what one sees, in 1 / CERTAIN."""
    count = np.stack([(segmentation == slot + 1).sum(0) for slot in range(num_slots)], 1)
    return np.rint(count * (CERTAIN / len(segmentation))).astype(np.uint8)
