"""What swings: light that flickers, a lamp, water. Few numbers a frame, each continued by a recurrence of its own.

The numbers are principal components of the training frames; the change of each from frame to frame is an autoregression
on its last ORDER changes (Yule 1927). Whether they swing at all is decided on sequences that they were not fitted on:
where they do not, holding them is better, and nothing is added.

Legend: n sequences, T frames, P pixels and channels of a frame, D numbers. Frames are on the [0, 1] scale.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.spacing import evenly_spaced

NUM_COMPONENTS = 16
ORDER = 8
"""Changes that the next one depends on, frames."""
RIDGE = 0.1
"""Pull of the recurrences towards holding, as a share of the changes' own energy."""
MAX_FRAMES = 500
"""Frames that components are found in: enough for sixteen."""
FITTED_SHARE = 0.6
"""Share of the sequences, the first ones, on which a trial is fitted; it is judged on the others."""
MIN_GAIN_DB = 0.3
"""The trial must beat holding by so much; less may be chance."""


@dataclass(frozen=True)
class Swing:
    """mean [P], components [P, D] orthonormal columns, weights [D, ORDER] of the last changes, the latest first; all 0
    where nothing swings."""

    mean: np.ndarray
    components: np.ndarray
    weights: np.ndarray

    def go_on(self, context: np.ndarray, horizon: int) -> np.ndarray:
        """How the frames after context [T, H, W, C] differ from its last one: float32 [horizon, H, W, C]."""
        change = _continued(np.diff(self._codes(context), axis=0), self.weights, horizon)
        return (change @ self.components.T).reshape(horizon, *context.shape[1:]).astype(np.float32)

    def _codes(self, frames: np.ndarray) -> np.ndarray:
        return (frames.reshape(len(frames), -1) - self.mean) @ self.components


def nothing_swings(num_pixels: int) -> Swing:
    return Swing(
        np.zeros(num_pixels, np.float32), np.zeros((num_pixels, NUM_COMPONENTS), np.float32),
        np.zeros((NUM_COMPONENTS, ORDER), np.float32),
    )


def fit_swing(frames: np.ndarray, num_given: int) -> Swing:
    """Finds what swings in training sequences uint8 [n, T, H, W, C], of which the first num_given frames are the
    context in the trial."""
    num_pixels, num_fitted = frames[0, 0].size, int(FITTED_SHARE * len(frames))
    nothing = nothing_swings(num_pixels)
    if num_fitted < 1 or num_fitted == len(frames) or frames.shape[1] < ORDER + 2 or num_given < 2:
        return nothing
    trial, held_out = _fit(frames[:num_fitted]), frames[num_fitted:].astype(np.float32) / 255
    missed = missed_by_holding = 0.0
    for clip in held_out:
        wanted = clip[num_given:] - clip[num_given - 1]
        missed += float(np.square(trial.go_on(clip[:num_given], len(wanted)) - wanted).mean())
        missed_by_holding += float(np.square(wanted).mean())
    swings = missed_by_holding > missed * 10 ** (MIN_GAIN_DB / 10)
    return _fit(frames) if swings else nothing


def _fit(frames: np.ndarray) -> Swing:
    n, T = frames.shape[:2]
    flat = frames.reshape(n * T, -1)
    some = flat[evenly_spaced(n * T, MAX_FRAMES)].astype(np.float32) / 255
    mean = some.mean(0)
    values, vectors = np.linalg.eigh((some - mean) @ (some - mean).T)
    directions = (some - mean).T @ vectors[:, ::-1][:, :NUM_COMPONENTS]
    components = directions / np.maximum(np.linalg.norm(directions, axis=0), 1e-9)
    components *= (values[::-1][:NUM_COMPONENTS] > 1e-9 * max(values[-1], 1e-12))
    components = np.pad(components, ((0, 0), (0, NUM_COMPONENTS - components.shape[1]))).astype(np.float32)
    swing = Swing(mean, components, np.zeros((NUM_COMPONENTS, ORDER), np.float32))
    changes = np.stack([np.diff(swing._codes(clip.astype(np.float32) / 255), axis=0) for clip in frames])
    before = np.lib.stride_tricks.sliding_window_view(changes[:, :-1], ORDER, axis=1)[..., ::-1]
    after = changes[:, ORDER:]  # [n, T - 1 - ORDER, D]; before has the ORDER changes before each on a last axis
    normal = np.einsum("ntdi,ntdj->dij", before, before)
    energy = np.square(before[..., 0]).sum((0, 1))[:, None, None]
    right = np.einsum("ntdi,ntd->di", before, after)
    weights = np.linalg.solve(normal + (RIDGE * energy + 1e-9) * np.eye(ORDER), right[..., None])[..., 0]
    return Swing(mean, components, weights.astype(np.float32))


def _continued(changes: np.ndarray, weights: np.ndarray, horizon: int) -> np.ndarray:
    """Summed changes [horizon, D] after changes [T, D]; of a short past the missing ones are 0."""
    order = weights.shape[1]
    recent = np.concatenate([np.zeros((order, changes.shape[1])), changes])[-order:]
    coming = []
    for _ in range(horizon):
        coming.append(np.einsum("di,id->d", weights, recent[::-1]))
        recent = np.concatenate([recent[1:], coming[-1][None]])
    return np.cumsum(coming, 0)
