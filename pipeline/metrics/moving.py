"""How near forecasts come to the truth where it moves: over most of a still camera's frame a copy is right already.

Protocol of psnr_moving. The pixels of a clip that count are those that differ, at some step of the forecast, from the
last given frame by more than CHANGE in some channel: the same pixels at every step and for every forecast, so that
they hold what comes, what goes and what lies between. Per frame the psnr over these pixels alone; frames are averaged
over steps, samples and then over the clips in which something moves. motion: the share of a clip's pixels that count.

Legend: B clips, S samples, T steps, C channels, H W px.
"""

import numpy as np

from pipeline.metrics.bootstrap import interval_95
from pipeline.metrics.frame_quality import psnr_of_error

CHANGE = 0.06
"""Share of a channel's range: 15 of 255 levels. Noise of compressed video stays mostly below a third of that; the same
bound decides for `stages.suggest` what differs from a background."""


def moving_pixels(last: np.ndarray, target: np.ndarray) -> np.ndarray:
    """uint8 last given frames [B, H, W, C] and what came after [B, T, H, W, C] -> bool [B, H, W]."""
    changes = np.zeros(last.shape[:-1], bool)
    for frames in np.moveaxis(target, 1, 0):
        changes |= (np.abs(frames.astype(np.int16) - last) > CHANGE * 255).any(-1)
    return changes


def psnr_moving(frames: np.ndarray, target: np.ndarray, moving: np.ndarray) -> np.ndarray:
    """uint8 frames [B, S, T, H, W, C] or [B, T, H, W, C], target [B, T, H, W, C] and moving [B, H, W] -> dB, [B]; NaN
    for a clip in which nothing moves."""
    values = np.full(len(frames), np.nan)
    for b in np.flatnonzero(moving.any((1, 2))):
        wanted = target[b][:, moving[b]].astype(np.float64)  # [T, pixels, C]
        films = frames[b].reshape(-1, *target.shape[1:])
        mse = [[np.square((frame[moving[b]] - true) / 255).mean() for frame, true in zip(film, wanted, strict=True)]
               for film in films]
        values[b] = psnr_of_error(np.array(mse)).mean()
    return values


def moving_figures(by_clip: np.ndarray) -> dict[str, float | list[float] | None]:
    """Values [n], NaN where nothing moves -> psnr_moving and its error bars; None where nothing moves in any clip."""
    known = by_clip[~np.isnan(by_clip)]
    return {"psnr_moving": float(known.mean()) if len(known) else None, "psnr_moving_interval": interval_95(known)}
