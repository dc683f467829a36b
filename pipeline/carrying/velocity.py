"""How fast what each pixel shows moves, taken from several frames, and two ways to let it go on: fetched, or thrown.

Motion is as in optical_flow: float32 [H, W, 2], (x, y), px a frame, at the pixels of the later frame, how far what they
show has come since the frame before. So what is at p was at p - motion a frame ago and, going on, will be at p +
motion. A forecast either fetches (`advect`: each pixel to come looks back for what will be there, which motion near it
says) or throws (`splat`: each pixel of the last frame goes where its own motion takes it, which leaves holes and needs
to know who is in front). Thresholds and weights were chosen by trial on real clips.

Legend: J motions, the last one first; H W px, C channels.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.optical_flow import paths, pixels, warp

MEAN_FRAMES = 3
"""Motions that the plain mean is of."""
STEADY_WEIGHTS = (1.0, 0.8, 0.65, 0.5, 0.4)
"""Weights of motions in the steady velocity: at the last frame, at the one before, and so on."""
CHANGE_PX2 = 0.1
"""Squared change of velocity, px^2 a frame^2, at which an older motion counts half: flow itself errs by some 0.3 px."""
CHANGE_OF_SPEED = 0.02
"""What is added to CHANGE_PX2, as a share of the squared speed: flow errs more on what is fast."""
CHANGE_BLUR_PX = 1.5
"""Changes of velocity are averaged over about this radius."""
FRONT = 3.0
"""Of two pixels thrown to one place, one nearer by 1 counts exp(FRONT) times, about 20."""
HOLE = 0.05
"""A place that less than this share of a pixel was thrown to has no velocity of its own."""
HOLE_BLUR_PX = 1.0
"""A place without a velocity takes that of places about this near."""
FULL = 0.6
"""Share of a pixel from which on a place counts as reached: where things spread, each place gets less than one."""
EDGE_BLUR_PX = 0.5
"""Softness of the edges of what is reached."""


def velocities(motions: Sequence[np.ndarray]) -> np.ndarray:
    """Motion on the path of what each pixel of the last frame shows, float32 [J, H, W, 2]; row j: j frames earlier."""
    here = pixels(*motions[0].shape[:2])
    way, found = np.zeros_like(here), []
    for motion in motions:
        found.append(warp(motion, here - way))
        way = way + found[-1]
    return np.stack(found)


def mean_velocity(motions: Sequence[np.ndarray]) -> np.ndarray:
    """The plain mean of the last MEAN_FRAMES motions on each path, [H, W, 2]."""
    return velocities(motions[:MEAN_FRAMES]).mean(0)


def steady_velocity(motions: Sequence[np.ndarray]) -> np.ndarray:
    """A mean of up to five motions on each path, [H, W, 2]: older ones count less, and less where they differ from the
    last (Cauchy's weights)."""
    found = velocities(motions[:len(STEADY_WEIGHTS)])
    change = ((found - found[0]) ** 2).sum(-1)
    change = np.stack([cv2.GaussianBlur(picture, (0, 0), CHANGE_BLUR_PX) for picture in change])
    tolerated = CHANGE_PX2 + CHANGE_OF_SPEED * (found[0] ** 2).sum(-1)
    weights = np.array(STEADY_WEIGHTS[:len(found)], np.float32)[:, None, None] / (1 + change / tolerated)
    return ((weights[..., None] * found).sum(0) / weights.sum(0)[..., None]).astype(np.float32)


def advect(picture: np.ndarray, motion: np.ndarray, horizon: int, speed: float = 1.0) -> np.ndarray:
    """Picture [H, W, C] carried on by `speed` times motion [H, W, 2] that stays with what moves: [horizon, H, W, C]."""
    return np.stack([warp(picture, places) for places in paths(np.float32(speed) * motion, horizon)])


def splat(picture: np.ndarray, motion: np.ndarray, ground: np.ndarray, nearness: np.ndarray,
          horizon: int) -> np.ndarray:
    """Pixels of picture [H, W, C] thrown 1 .. horizon steps far by motion [H, W, 2], over ground [H, W, C] where none
    arrives: [horizon, H, W, C]. Where several arrive those of larger nearness [H, W] win (softmax splatting; Niklaus
    and Liu 2020, arXiv 2003.05534).

    What is thrown is the velocity; the picture is then fetched along it, so that it stays sharp.
    """
    here, frames = pixels(*motion.shape[:2]), []
    weights = np.exp(FRONT * nearness)[..., None]
    thrown = np.concatenate([np.ones_like(weights), weights, weights * motion], -1)
    for step in range(1, horizon + 1):
        reached, weight, moved = np.split(_arrivals(here + step * motion, thrown), [1, 2], -1)
        near_weight, near_moved = _blurred(weight, HOLE_BLUR_PX), _blurred(moved, HOLE_BLUR_PX)
        velocity = np.where(reached < HOLE, _ratio(near_moved, near_weight), _ratio(moved, weight))
        share = _blurred((reached / FULL).clip(0, 1), EDGE_BLUR_PX)
        frames.append(warp(picture, here - step * velocity) * share + ground * (1 - share))
    return np.stack(frames)


def _arrivals(places: np.ndarray, thrown: np.ndarray) -> np.ndarray:
    """Sums float32 [H, W, L] of layers thrown [H, W, L] to places [H, W, 2], shared by the four pixels around each."""
    height, width, num_layers = thrown.shape
    first = np.floor(places)
    beyond = places - first
    first = first.astype(np.int64)
    indices, shares = [], []
    for right in (0, 1):
        for down in (0, 1):
            x, y = first[..., 0] + right, first[..., 1] + down
            share = abs(1 - right - beyond[..., 0]) * abs(1 - down - beyond[..., 1])
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            indices.append(np.where(inside, y * width + x, 0).ravel())
            shares.append((share * inside).ravel())
    index, share = np.concatenate(indices), np.stack(shares)
    sums = [np.bincount(index, (share * layer).ravel(), height * width) for layer in thrown.reshape(-1, num_layers).T]
    return np.stack(sums, -1).astype(np.float32).reshape(height, width, num_layers)


def _ratio(moved: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return moved / np.maximum(weight, 1e-6)


def _blurred(picture: np.ndarray, sigma: float) -> np.ndarray:
    return cv2.GaussianBlur(picture, (0, 0), sigma).reshape(picture.shape)
