"""Dense optical flow between frames, and the forecast that goes on with it: no training, hard to beat on real video.

Dense inverse search (Kroeger et al. 2016, arXiv 1603.03590) as OpenCV has it. Motion here is backward: at each pixel of
a frame, how far what it shows has come since the frame before, px per frame, (x, y).

Legend: T frames, H W px, C channels.
"""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np

ENLARGED_BELOW_PX = 150
"""Frames whose shorter side is below this are enlarged before flow is sought: dense inverse search matches patches of 8
px, and things in small frames are as large as that."""
ENLARGEMENT = 4
NO_GUESS: Any = None
"""Motion to start a search from: none. OpenCV allows it, its type hints do not."""

# One thread: the search runs in as many strips as there are threads, and its result depends on their number.
cv2.setNumThreads(1)


def flow(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Motion float32 [H, W, 2] from frame `before` to frame `after`, uint8 [H, W, 1 or 3], at the pixels of `after`."""
    height, width = after.shape[:2]
    factor = ENLARGEMENT if min(height, width) < ENLARGED_BELOW_PX else 1
    before, after = (_grey(frame, factor) for frame in (before, after))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back = search.calc(after, before, NO_GUESS)
    return -cv2.resize(back, (width, height), interpolation=cv2.INTER_AREA) / factor


def mean_flow(frames: np.ndarray) -> np.ndarray:
    """Motion float32 [H, W, 2] averaged over all neighbours of frames uint8 [T, H, W, C], T at least 2."""
    return np.stack([flow(*pair) for pair in pairwise(frames)]).mean(0, dtype=np.float32)


def paths(motion: np.ndarray, horizon: int) -> np.ndarray:
    """Where what each pixel shows `horizon` steps later comes from, px float32 [horizon, H, W, 2], if motion [H, W, 2]
    stays with what moves (semi-Lagrangian advection; Staniforth and Cote 1991)."""
    here = pixels(*motion.shape[:2])
    way, places = np.zeros_like(motion), []
    for _ in range(horizon):
        way = way + warp(motion, here - way)
        places.append(here - way)
    return np.stack(places)


def pixels(height: int, width: int) -> np.ndarray:
    """The place of each pixel, (x, y), px from the first pixel's middle: float32 [height, width, 2]."""
    return np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1).astype(np.float32)


def warp(picture: np.ndarray, places: np.ndarray) -> np.ndarray:
    """What picture [H, W, C] shows at places [H, W, 2], px from the first pixel's middle; beyond it, its edge."""
    shown = cv2.remap(picture, places[..., 0], places[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return shown.reshape(*places.shape[:2], -1)


def flow_forecast(context: np.ndarray, horizon: int) -> np.ndarray:
    """The last frame of context uint8 [T, H, W, C] carried on by its flow: uint8 [horizon, H, W, C]; of a single frame,
    that frame."""
    if len(context) < 2:
        return context[-1:].repeat(horizon, 0)
    return np.stack([warp(context[-1], places) for places in paths(flow(context[-2], context[-1]), horizon)])


def _grey(frame: np.ndarray, factor: int) -> np.ndarray:
    grey = frame[..., 0] if frame.shape[-1] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    return grey if factor == 1 else cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
