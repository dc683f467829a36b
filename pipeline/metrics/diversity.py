"""How much the samples of a clip differ from each other, whatever the truth.

Legend: S samples, T steps, K slots, H W px, C channels.
"""

import numpy as np

from pipeline.metrics.frame_quality import psnr_of_error


def place_distance(place: np.ndarray, in_view: np.ndarray) -> np.ndarray:
    """place [S, T, K, 2] px, in_view bool [S, T, K] -> distance of a slot between two samples, averaged over the slots
    and all pairs of samples that both show it: [T], NaN where none does."""
    first, second = np.triu_indices(len(place), 1)
    distance = np.linalg.norm(place[first] - place[second], axis=-1)
    both = in_view[first] & in_view[second]
    count = both.sum((0, 2))
    return np.where(count > 0, (distance * both).sum((0, 2)) / np.maximum(count, 1), np.nan)


def pairwise_psnr(frames: np.ndarray) -> np.ndarray:
    """uint8 frames [S, T, H, W, C], S at least 2 -> psnr between two samples, dB, at most MAX_PSNR, averaged over all
    pairs: [T]."""
    first, second = np.triu_indices(len(frames), 1)
    mse = []
    for step in frames.reshape(*frames.shape[:2], -1).swapaxes(0, 1):
        values = step.astype(np.float64) / 255
        power = np.square(values).sum(-1)
        error = power[:, None] + power - 2 * values @ values.T  # [S, S]
        mse.append(error[first, second] / values.shape[-1])
    return psnr_of_error(np.stack(mse)).mean(1)
