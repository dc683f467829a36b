"""How far frames are from the truth, pixel by pixel.

Legend: H W px, C channels.
"""

import numpy as np

ERROR = "its error"
"""Above the map of what the picture before it misses."""
FULL = 0.4
"""An error that is drawn black, as a share of a channel's range. A quarter of it is still seen."""


def error_map(frames: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """uint8 [..., H, W, C] and the same of the truth -> uint8 [..., H, W, 1]: white where they are alike, black where
    some channel is off by FULL."""
    apart = np.abs(frames.astype(np.int16) - truth).max(-1, keepdims=True)
    return (255 * (1 - apart / (255 * FULL))).clip(0, 255).astype(np.uint8)
