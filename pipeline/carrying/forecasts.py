"""Forecasts that need no training: the last frame carried on in several ways, each right about something of its own.

Legend: T context frames, H W px, C channels (1 or 3). Pictures are float32 in [0, 1]. Thresholds were chosen by trial
on real clips.
"""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from pipeline.carrying.regions import connected_regions, move_cutouts
from pipeline.carrying.swing import Swing
from pipeline.carrying.velocity import STEADY_WEIGHTS, advect, mean_velocity, splat, steady_velocity
from pipeline.optical_flow import flow

BLURRED = {"thrown_blurred": ("thrown", 1.0), "last_blurred": ("last", 2.0)}
"""Blurred copies, of which forecast and by how much, px: the further ahead, the less sure is the place of anything, and
the mean of all places that it may have is a blur. In frames larger than BLUR_SIDE_PX so many times more."""
BLUR_SIDE_PX = 128

NAMES: tuple[str, ...] = (
    "last", "flow", "mean_flow", "half_speed", "thrown", "cutouts", *BLURRED, "swing",
)
"""What is carried on and how: the last frame as it is; by its flow, by its flow averaged over three frames, by half its
steady velocity; its pixels thrown over the background; its cut-outs moved over it; blurred copies; what swings about
the median. Of fourteen these were chosen on real clips: the steady velocity itself, a camera's motion and the bare
background add nothing to them."""

HALF = 0.5
NEAR = 0.1
"""Difference to the background, [0, 1], from which on a pixel surely is in front of it."""
NEAR_SPEED_PX = 1.0
"""Speed against most of the frame, px a frame, from which on a pixel surely is in front of it."""
NEAR_BLUR_PX = 0.7
APART = 0.06
"""Difference to the background, [0, 1], from which on a pixel belongs to a cut-out."""
APART_BLUR_PX = 1.0
"""Differences are averaged over about this radius first, against noise."""
GAP_PX = 3
"""Gaps in a cut-out narrower than this are closed."""


@dataclass(frozen=True)
class Carried:
    """What carry found: all forecasts [len(NAMES), horizon, H, W, C]; how far cut-outs lie over each place, in [0, 1],
    [horizon, H, W, 1]; the context's median [H, W, C]. All float32."""

    forecasts: np.ndarray
    covered: np.ndarray
    median: np.ndarray


def carry(context: np.ndarray, ground: np.ndarray, swing: Swing, horizon: int) -> Carried:
    """All forecasts of what follows context [T, H, W, C], T at least 2, before the background ground [H, W, C]."""
    assert len(context) >= 2 and ground.shape == context.shape[1:], (context.shape, ground.shape)
    last, frames = context[-1], (context.clip(0, 1) * 255).round().astype(np.uint8)
    motions = [flow(*pair) for pair in pairwise(frames[-1 - len(STEADY_WEIGHTS):])][::-1]
    motion = steady_velocity(motions)
    median = np.median(context, 0)
    difference = np.abs(last - ground).max(-1)

    forecasts = np.empty((len(NAMES), horizon, *last.shape), np.float32)
    named = dict(zip(NAMES, forecasts, strict=True))
    named["last"][:] = last
    named["flow"][:] = advect(last, motions[0], horizon)
    named["mean_flow"][:] = advect(last, mean_velocity(motions), horizon)
    named["half_speed"][:] = advect(last, motion, horizon, HALF)
    named["thrown"][:] = splat(last, motion, ground, _nearness(difference, motion), horizon)
    named["cutouts"][:], covered = _cutouts(context, motion, ground, difference, horizon)
    named["swing"][:] = median + swing.go_on(context, horizon)
    scale = max(1.0, max(last.shape[:2]) / BLUR_SIDE_PX)
    for name, (source, sigma) in BLURRED.items():
        for frame, sharp in zip(named[name], named[source], strict=True):
            frame[:] = _blur(sharp, sigma * scale)
    return Carried(forecasts, covered, median)


def _nearness(difference: np.ndarray, motion: np.ndarray) -> np.ndarray:
    """How far in front each pixel is, [H, W] in [0, 2]: unlike the background, not moving as most of the frame."""
    unlike = cv2.GaussianBlur(difference, (0, 0), NEAR_BLUR_PX) / NEAR
    speed = np.linalg.norm(motion - np.median(motion, (0, 1)), axis=-1) / NEAR_SPEED_PX
    return unlike.clip(0, 1) + speed.clip(0, 1)


def _cutouts(context: np.ndarray, motion: np.ndarray, ground: np.ndarray, difference: np.ndarray,
             horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions unlike the background moved over it, and where they lie; what belongs to none of them stays as it is."""
    unlike = (cv2.GaussianBlur(difference, (0, 0), APART_BLUR_PX) > APART).astype(np.uint8)
    regions = connected_regions(cv2.morphologyEx(unlike, cv2.MORPH_CLOSE, np.ones((GAP_PX, GAP_PX))))
    on_region = np.any(regions, axis=0)[..., None] if regions else False
    return move_cutouts(context, motion, regions, np.where(on_region, ground, context[-1]), horizon)


def _blur(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma).reshape(picture.shape)
