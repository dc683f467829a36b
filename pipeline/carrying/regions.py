"""Regions of the last frame, each moved on by an affine map of its own: cut-outs over a ground.

A map is the 3x3 matrix that takes places (x, y, 1), px, in the last frame to where what is there will be a frame later.
It is the exponential of a generator: j frames earlier the same was at exp(-j generator) of its place. Thresholds
without a source were chosen by trial on real clips.

Legend: n pixels of a region, T frames, H W px, C channels. Pictures are float32 in [0, 1], motion as in velocity.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from scipy.linalg import expm

from pipeline.optical_flow import warp

MAX_REGIONS = 24
MIN_REGION_PX = 8
"""Smaller regions are noise as often as things, and too small to find the six unknowns of a map."""

FIT_ITERATIONS = 5
SMOOTHNESS_PX2 = 30.0
"""Pull of a fitted map to a shift, as a sum of squared distances from the region's middle: strong in small ones."""
FLOW_NOISE_PX2 = 0.02
"""Squared error of optical flow, px^2, that is always forgiven."""
MAX_RATE = 0.5
"""Largest change of shape a frame: what seems to grow or turn faster is an error of the flow."""

EARLIER_FRAMES = 2
"""Frames before the last one that a map is aligned to."""
MAX_PIXELS = 600
"""Pixels of a region that are compared; of larger ones a random choice."""
ALIGN_ITERATIONS = 8
MISMATCH = 0.08
"""Difference of brightness, [0, 1], at which a pixel counts half: it is covered, or has changed."""
AGE_DISCOUNT = 0.15
"""A frame j back counts 1 / (1 + 0.15 j)."""
SMALLEST_RADIUS_PX = 4.0
"""Changes of shape are measured as px at this radius at least."""
SHIFT_DAMPING, SHAPE_DAMPING = 1e-3, 0.5
"""Added to the normal equations' diagonal, as it is and times DAMPING_SCALE of its mean (Marquardt 1963)."""
DAMPING_SCALE = 1e-2
MAX_CHANGE_PX = 0.6
"""Largest change in an iteration: a gradient tells of its own pixel only."""
SETTLED_PX = 2e-3

EDGE_BLUR_PX = 0.6
"""Softness of a cut-out's edge, after it was widened by a pixel."""


def connected_regions(mask: np.ndarray) -> list[np.ndarray]:
    """The largest connected parts of a mask [H, W], bool [H, W] each; those that reach lower in the frame, and so stand
    nearer to the camera, come later."""
    num_labels, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    area = boxes[:, cv2.CC_STAT_AREA]
    foot = boxes[:, cv2.CC_STAT_TOP] + boxes[:, cv2.CC_STAT_HEIGHT]
    large = [label for label in range(1, num_labels) if area[label] >= MIN_REGION_PX]
    largest = sorted(large, key=lambda label: -area[label])[:MAX_REGIONS]
    return [labels == label for label in sorted(largest, key=lambda label: foot[label])]


def move_cutouts(context: np.ndarray, motion: np.ndarray, regions: Sequence[np.ndarray], ground: np.ndarray,
                 horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Regions [H, W] of the last frame of context [T, H, W, C], moved over ground [H, W, C], later ones in front:
    frames [horizon, H, W, C], and how far each place is covered, in [0, 1], [horizon, H, W, 1]."""
    last, earlier = context[-1], earlier_frames(context)
    frames, covered = np.repeat(ground[None], horizon, 0), np.zeros((horizon, *motion.shape[:2], 1), np.float32)
    for region in regions:
        step, place = align(last, earlier, region, fit_affine(motion, region)), np.eye(3)
        wide = cv2.dilate(region.astype(np.float32), np.ones((3, 3)))
        alpha = cv2.GaussianBlur(wide, (0, 0), EDGE_BLUR_PX)
        for frame, cover in zip(frames, covered, strict=True):
            place = step @ place
            _paste(frame, cover, last, alpha, place)
    return frames, covered


def earlier_frames(context: np.ndarray) -> list[np.ndarray]:
    """The frames before the last one of context [T, H, W, C], latest first, each with its slopes to the right and
    downwards, [0, 1] a px, behind it: [H, W, 3 C]."""
    return [_with_slopes(frame) for frame in context[-2:-2 - EARLIER_FRAMES:-1]]


def fit_affine(motion: np.ndarray, region: np.ndarray) -> np.ndarray:
    """The map that motion [H, W, 2] makes at the pixels of region [H, W]: least squares again and again, with less
    weight for what does not fit (Cauchy's weights)."""
    down, right = np.nonzero(region)
    middle = np.array([right.mean(), down.mean()])
    known = np.stack([right - middle[0], down - middle[1], np.ones(len(right))], -1)
    moved, weights = motion[region].astype(np.float64), np.ones((len(right), 1))
    for _ in range(FIT_ITERATIONS):
        normal = known.T @ (weights * known) + np.diag([SMOOTHNESS_PX2, SMOOTHNESS_PX2, 1e-6])
        affine = np.linalg.solve(normal, known.T @ (weights * moved))
        error = ((moved - known @ affine) ** 2).sum(1, keepdims=True)
        weights = 1 / (1 + error / (2 * max(np.median(error), FLOW_NOISE_PX2)))
    change = np.zeros((3, 3))
    change[:2] = affine.T
    change[:2, :2] = change[:2, :2].clip(-MAX_RATE, MAX_RATE)
    return _about(middle, np.eye(3) + change)


def align(last: np.ndarray, earlier: Sequence[np.ndarray], region: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The map near `start` by which the region [H, W] of the last frame [H, W, C] looks most like the earlier ones (as
    earlier_frames gives them): Gauss-Newton on brightness (Lucas and Kanade 1981; Baker and Matthews 2004)."""
    down, right = _chosen_pixels(region)
    middle = np.array([right.mean(), down.mean()])
    places = np.stack([right - middle[0], down - middle[1], np.ones(len(right))])
    shown = last[down, right]
    unit = np.array([1.0, 1.0, 0.0]) * max(SMALLEST_RADIUS_PX, np.sqrt(len(right)) / 2) + [0, 0, 1]
    damping = np.tile([SHAPE_DAMPING, SHAPE_DAMPING, SHIFT_DAMPING], 2)
    generator = _logarithm(_about(-middle, start))
    for _ in range(ALIGN_ITERATIONS):
        normal, slope = np.zeros((6, 6)), np.zeros(6)
        back, there = expm(-generator), places
        for age, frame in enumerate(earlier, 1):
            there = back @ there
            mismatch, slopes, weights = _compare(frame, there[:2].T + middle, shown)
            weights = weights / (1 + AGE_DISCOUNT * age)
            # How the brightness found changes with the entries of the generator's upper rows, in px at the radius.
            design = -age * slopes[..., None] * (there.T / unit)[:, None, None]
            design = design.reshape(len(right), -1, 6)
            weighted = (design * weights[:, None, None]).reshape(-1, 6)
            normal += weighted.T @ design.reshape(-1, 6)
            slope += weighted.T @ mismatch.ravel()
        normal += np.diag(damping) * (1 + DAMPING_SCALE * np.trace(normal) / 6)
        change = -np.linalg.solve(normal, slope).clip(-MAX_CHANGE_PX, MAX_CHANGE_PX)
        generator[:2] += change.reshape(2, 3) / unit
        generator[:2, :2] = generator[:2, :2].clip(-MAX_RATE, MAX_RATE)
        if np.abs(change).max() < SETTLED_PX:
            break
    return _about(middle, expm(generator))


def _chosen_pixels(region: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns [n] of the pixels of a region that are compared."""
    down, right = np.nonzero(region)
    if len(down) > MAX_PIXELS:
        chosen = np.random.default_rng(0).choice(len(down), MAX_PIXELS, replace=False)
        down, right = down[chosen], right[chosen]
    return down, right


def _compare(frame: np.ndarray, places: np.ndarray, shown: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A frame with its slopes [H, W, 3 C], at places [n, 2], against what is shown [n, C]: by how much it is brighter
    [n, C], its slopes [n, C, 2], and the pixels' weights [n], none beyond the frame."""
    height, width = frame.shape[:2]
    found = warp(frame, places[None].astype(np.float32))[0].reshape(len(places), 3, -1)
    mismatch, slopes = found[:, 0] - shown, found[:, 1:].transpose(0, 2, 1)
    inside = ((places > 0) & (places < [width - 1, height - 1])).all(-1)
    return mismatch, slopes, inside / (1 + (mismatch ** 2).mean(-1) / MISMATCH ** 2)


def _with_slopes(frame: np.ndarray) -> np.ndarray:
    right, down = np.zeros_like(frame), np.zeros_like(frame)
    right[:, 1:-1] = (frame[:, 2:] - frame[:, :-2]) / 2
    down[1:-1] = (frame[2:] - frame[:-2]) / 2
    return np.concatenate([frame, right, down], -1)


def _about(middle: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A map around the origin as one around middle (x, y)."""
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = middle, -middle
    return to @ matrix @ back


def _logarithm(matrix: np.ndarray) -> np.ndarray:
    """The generator of a map that changes little, by the first terms of the series: it only starts the search."""
    change = matrix - np.eye(3)
    return change - change @ change / 2 + change @ change @ change / 3


def _paste(frame: np.ndarray, covered: np.ndarray, picture: np.ndarray, alpha: np.ndarray, place: np.ndarray) -> None:
    """Lays picture [H, W, C] where alpha [H, W] is, both moved by the map `place`, over frame [H, W, C] and notes in
    covered [H, W, 1] how far it covers; only the box that holds it is looked at."""
    left, top, right, bottom = _box(alpha, place)
    if left >= right or top >= bottom:
        return
    moved = (np.array([[1, 0, -left], [0, 1, -top], [0, 0, 1]]) @ place)[:2]
    size = (right - left, bottom - top)
    there = cv2.warpAffine(alpha, moved, size)[..., None]
    shown = cv2.warpAffine(picture, moved, size, borderMode=cv2.BORDER_REPLICATE).reshape(*there.shape[:2], -1)
    box = slice(top, bottom), slice(left, right)
    frame[box] = frame[box] * (1 - there) + shown * there
    covered[box] = np.maximum(covered[box], there)


def _box(alpha: np.ndarray, place: np.ndarray) -> tuple[int, int, int, int]:
    """Left, top, right and bottom (the latter two exclusive), within the frame, of what of alpha [H, W] is not clear
    once moved by the map `place`."""
    x, y, width, height = cv2.boundingRect((alpha > 0).astype(np.uint8))
    columns, rows = [x - 1, x + width] * 2, [y - 1] * 2 + [y + height] * 2
    corners = place[:2] @ np.array([columns, rows, [1] * 4])
    frame = np.array(alpha.shape[::-1])
    left, top = np.floor(corners.min(1)).clip(0, frame).astype(int)
    right, bottom = (np.ceil(corners.max(1)) + 1).clip(0, frame).astype(int)
    return left, top, right, bottom
