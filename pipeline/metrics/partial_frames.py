"""How near frames come to the true ones where it matters: psnr over a part of each frame.

Legend: B clips, T frames, C channels, H W px.
"""

import numpy as np
from scipy.ndimage import maximum_filter, minimum_filter

from pipeline.metrics.frame_quality import psnr_of_error


def psnr_within(frames: np.ndarray, target: np.ndarray, within: np.ndarray) -> np.ndarray:
    """psnr, dB, data range 1, over the marked pixels of each frame, at most MAX_PSNR: float64 [number of frames that
    have a marked pixel]. uint8 frames and target [B, T, H, W, C], within bool [B, T, H, W]."""
    mse = [np.square((frames[i].astype(np.float64) - target[i]) / 255).mean(-1)[within[i]].mean()
           for i in zip(*np.nonzero(within.any((2, 3))), strict=True)]
    return psnr_of_error(np.array(mse))


def exchange_background(frames: np.ndarray, segmentation: np.ndarray, background: np.ndarray) -> np.ndarray:
    """The objects of uint8 frames [B, T, H, W, C], where segmentation [B, T, H, W] is not 0, over background of the
    same shape as the frames. It is what a renderer would draw but for the pixels that `off_edges` leaves out."""
    return np.where(segmentation[..., None] > 0, frames, background)


def off_edges(segmentation: np.ndarray) -> np.ndarray:
    """bool [B, T, H, W]: pixels whose 3 x 3 neighbours in segmentation [B, T, H, W] are all object or all background;
    the others may be a blend of both."""
    objects = (segmentation > 0).astype(np.uint8)
    window = (1, 1, 3, 3)
    return maximum_filter(objects, window, mode="nearest") == minimum_filter(objects, window, mode="nearest")
