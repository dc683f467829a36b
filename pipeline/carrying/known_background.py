"""The scene behind what moves, known from the training frames: it is what a clip uncovers and has not yet shown.

Legend: n clips, T frames, H W px, C channels. Pictures are float32 in [0, 1] but where uint8 is said. Thresholds were
chosen by trial on real clips.
"""

import numpy as np

from pipeline.spacing import evenly_spaced

MAX_TRAINING_FRAMES = 300
"""The median of more frames hardly differs, and takes memory."""
LIGHT_ITERATIONS = 4
LIGHT_CONTRAST = 1e-2
"""Squared contrast of the background, [0, 1]^2, below which its slope stays near 1: it says nothing of the light."""
COVERED = 0.03
"""Difference to the clip's median, [0, 1], at which a pixel counts half for the light: something stands there."""
AGREE, DIFFER = 0.04, 0.09
"""Up to the first difference, [0, 1], the clip's own median is the background; from the second on the known one."""


def training_background(frames: np.ndarray) -> np.ndarray:
    """The median float32 [H, W, C] of an evenly spaced choice of training frames uint8 [n, T, H, W, C]."""
    clip, step = np.divmod(evenly_spaced(frames.shape[0] * frames.shape[1], MAX_TRAINING_FRAMES), frames.shape[1])
    return np.median(frames[clip, step], 0).astype(np.float32) / 255


def background_of_clip(context: np.ndarray, known: np.ndarray) -> np.ndarray:
    """The background [H, W, C] of context [T, H, W, C]: the known one [H, W, C] in the clip's light; the clip's median
    where they agree."""
    return matched(known, np.median(context, 0))


def matched(known: np.ndarray, median: np.ndarray) -> np.ndarray:
    """The known background in the light of a clip's median, and that median itself where they agree; all [H, W, C]."""
    lit = _in_light_of(known, median)
    apart = np.abs(median - lit).max(-1, keepdims=True)
    agreement = ((DIFFER - apart) / (DIFFER - AGREE)).clip(0, 1)
    return (agreement * median + (1 - agreement) * lit).astype(np.float32)


def _in_light_of(known: np.ndarray, median: np.ndarray) -> np.ndarray:
    """known [H, W, C] with a gain and an offset for each channel that bring it to median: least squares, again and
    again with less weight where they differ (Cauchy's weights), since something may stand there."""
    lit, weights = known, np.ones_like(known[..., :1])
    for _ in range(LIGHT_ITERATIONS):
        weights = weights / weights.mean()
        known_mean, median_mean = (weights * known).mean((0, 1)), (weights * median).mean((0, 1))
        contrast = known - known_mean
        together = (weights * contrast * (median - median_mean)).mean((0, 1))
        alone = (weights * contrast ** 2).mean((0, 1))
        lit = median_mean + (together + LIGHT_CONTRAST) / (alone + LIGHT_CONTRAST) * contrast
        weights = 1 / (1 + ((median - lit) ** 2).mean(-1, keepdims=True) / COVERED ** 2)
    return lit
