"""The bar on real video: for each forecast step the least-squares mix of four forecasts that need no training.

The last frame, its optical flow, its flow averaged over three frames, and a camera that shifts, turns and zooms; all as
differences to the context's median, with one share each a step, fitted on training windows.

Legend: N windows, T context frames, H horizon, height and width px, C channels. Frames: uint8 [..., height, width, C].
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.camera_forecast import camera_forecast
from pipeline.optical_flow import mean_flow, paths, warp

MAX_WINDOWS = 150
RIDGE = 1e-3
"""What is added to the diagonal of the normal equations, as a share of its mean."""


def parts(context: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """The four forecasts [4, H, height, width, C] and the context's median [height, width, C], float32 in [0, 1]."""
    last = context[-1]
    flows = [mean_flow(context[-2:]), mean_flow(context[-min(4, len(context)):])] if len(context) > 1 else []
    carried = [np.stack([warp(last, places) for places in paths(motion, horizon)]) for motion in flows]
    still = np.repeat(last[None], horizon, 0)
    forecasts = [still, *(carried or [still, still]), camera_forecast(context, horizon)]
    return np.stack(forecasts).astype(np.float32) / 255, np.median(context, 0).astype(np.float32) / 255


@dataclass(frozen=True)
class Stack:
    """Fitted shares [H, 4]."""

    shares: np.ndarray

    def forecast(self, context: np.ndarray) -> np.ndarray:
        """uint8 [H, height, width, C] after context [T, height, width, C]."""
        forecasts, median = parts(context, len(self.shares))
        mixed = median + np.einsum("hk,kh...->h...", self.shares, forecasts - median)
        return (mixed.clip(0, 1) * 255).round().astype(np.uint8)


def fit_stack(windows: np.ndarray, num_given: int) -> Stack:
    """Shares fitted on windows [N, T + H, height, width, C], of which num_given frames are the context."""
    horizon = windows.shape[1] - num_given
    normal, right = np.zeros((horizon, 4, 4)), np.zeros((horizon, 4))
    for window in windows:
        forecasts, median = parts(window[:num_given], horizon)
        target = window[num_given:].astype(np.float32) / 255 - median
        apart = (forecasts - median).reshape(4, horizon, -1)
        normal += np.einsum("khp,lhp->hkl", apart, apart)
        right += np.einsum("khp,hp->hk", apart, target.reshape(horizon, -1))
    ridge = RIDGE * np.trace(normal, axis1=1, axis2=2)[:, None, None] / 4 * np.eye(4)
    return Stack(np.linalg.solve(normal + ridge + 1e-12 * np.eye(4), right[..., None])[..., 0])
