"""The last frame as a camera sees it that goes on as it did: shifted, turned, zoomed, as tracked corners say.

Corners as Shi and Tomasi choose them (1994), tracked by pyramids of Lucas and Kanade's method (Bouguet 2001), the map
by random sample consensus (Fischler and Bolles 1981); all as OpenCV has them. Thresholds without a source were chosen
by trial on real clips.

Legend: T frames, H W px, C channels.
"""

from itertools import pairwise

import cv2
import numpy as np

CAMERA_FRAMES = 4
"""Frames at the end of a context from which the camera's motion is taken."""
MAX_CORNERS = 200
CORNER_QUALITY = 0.01
"""Quality from which on a corner counts, as a share of the best one's; the value of OpenCV's examples."""
CORNERS_APART_PX = 4
MIN_CORNERS = 8
"""Fewer tracked corners than this say nothing of a camera: a similarity has 4 unknowns, 2 corners' worth."""
TRACKING_WINDOW_PX = 13
TRACKING_LEVELS = 2
"""How often the frame is halved, so that larger motion is found too."""
MISPLACED_PX = 0.7
"""A corner further than this from where the similarity puts it moves on its own."""


def camera_forecast(context: np.ndarray, horizon: int) -> np.ndarray:
    """The last frame of context uint8 [T, H, W, C] seen on: uint8 [horizon, H, W, C]."""
    return see_on(context[-1], camera_motion(context), horizon)


def camera_motion(frames: np.ndarray) -> np.ndarray:
    """The 3x3 matrix that takes places of the scene in frames uint8 [T, H, W, C] to where they are a frame later."""
    cv2.setRNGSeed(0)  # corners are chosen at random
    grey = [frame[..., 0] if frame.shape[-1] == 1 else cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
            for frame in frames[-CAMERA_FRAMES:]]
    return np.mean([_similarity(*pair) for pair in pairwise(grey)] or [np.eye(3)], 0)


def see_on(picture: np.ndarray, step: np.ndarray, horizon: int) -> np.ndarray:
    """Picture [H, W, C], moved by the 3x3 matrix `step` once more each time: [horizon, H, W, C] of its type."""
    motion, frames = np.eye(3), []
    height, width = picture.shape[:2]
    for _ in range(horizon):
        motion = step @ motion
        seen = cv2.warpPerspective(picture, motion, (width, height), borderMode=cv2.BORDER_REPLICATE)
        frames.append(seen.reshape(picture.shape))
    return np.stack(frames)


def _similarity(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """The 3x3 matrix that takes corners of one grey frame to where they are in the next; of too few, no motion."""
    corners = cv2.goodFeaturesToTrack(before, MAX_CORNERS, CORNER_QUALITY, CORNERS_APART_PX)
    if corners is None or len(corners) < MIN_CORNERS:
        return np.eye(3)
    found, known, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, np.empty_like(corners), maxLevel=TRACKING_LEVELS,
                                               winSize=(TRACKING_WINDOW_PX, TRACKING_WINDOW_PX))
    known = known[:, 0] == 1
    if known.sum() < MIN_CORNERS:
        return np.eye(3)
    matrix, _ = cv2.estimateAffinePartial2D(corners[known], found[known], ransacReprojThreshold=MISPLACED_PX)
    return np.eye(3) if matrix is None else np.vstack([matrix, [0, 0, 1]])
