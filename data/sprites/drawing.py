"""Shapes, glyphs, fills and backgrounds of the demonstration videos, all as smooth functions of a point in the plane.

Shapes are signed distances (negative inside) in object coordinates: x to the right, y down, and the bounding box is
[-1, 1] x [-1, 1].
"""

import colorsys
from collections.abc import Callable

import numpy as np
from scipy.ndimage import map_coordinates

Distance = Callable[[np.ndarray, np.ndarray], np.ndarray]
Field = Callable[[np.ndarray, np.ndarray], np.ndarray]

SHAPES = ("disc", "square", "triangle", "star", "ring", "cross", "diamond", "crescent")
GLYPHS: dict[str, list[list[tuple[float, float]]]] = {  # strokes of the ten digits: knots (x, y) of smooth curves
    "0": [[(0, -1), (-.75, -.5), (-.75, .5), (0, 1), (.75, .5), (.75, -.5), (0, -1)]],
    "1": [[(-.4, -.6), (0, -1)], [(0, -1), (0, 1)]],
    "2": [[(-.65, -.55), (-.2, -1), (.55, -.75), (.45, -.1), (-.65, 1)], [(-.65, 1), (0, .9), (.7, 1)]],
    "3": [[(-.6, -.8), (.1, -1), (.6, -.6), (0, -.05)], [(0, -.05), (.7, .4), (.1, 1), (-.65, .75)]],
    "4": [[(.1, -1), (-.7, .35)], [(-.7, .35), (.75, .35)], [(.35, -.3), (.3, 1)]],
    "5": [[(.6, -1), (-.5, -1)], [(-.5, -1), (-.6, -.1)], [(-.6, -.1), (.2, -.25), (.7, .35), (.1, 1), (-.65, .8)]],
    "6": [[(.5, -1), (-.4, -.4), (-.6, .4), (0, 1), (.6, .5), (.1, -.05), (-.55, .45)]],
    "7": [[(-.7, -.95), (.7, -1)], [(.7, -1), (.1, 0), (-.15, 1)]],
    "8": [[(0, -.05), (-.55, -.5), (0, -1), (.55, -.5), (0, -.05), (-.65, .5), (0, 1), (.65, .5), (0, -.05)]],
    "9": [[(.55, -.45), (-.1, .05), (-.6, -.5), (0, -1), (.6, -.5), (.5, .3), (.2, 1)]],
}
SHAPE_NAMES = SHAPES + tuple(f"digit_{digit}" for digit in GLYPHS)
"""What the numbers in the truth's `shape` mean."""
FILLS = ("plain", "stripes", "dots", "gradient")


def _polygon(points: np.ndarray) -> Distance:
    """Signed distance to a closed polygon with corners [P, 2], which fill the bounding box."""
    low, high = points.min(0), points.max(0)
    corners = (points - low) / (high - low) * 2 - 1
    following = np.roll(corners, -1, axis=0)

    def distance(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        outline = _distance_to_segments(x, y, corners, following)
        inside = np.zeros(x.shape, bool)
        # even-odd rule: count edges to the right of the point
        for (x0, y0), (x1, y1) in zip(corners, following, strict=True):
            crosses = (y0 > y) != (y1 > y)
            inside ^= crosses & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0 if y1 != y0 else 1))
        return np.where(inside, -outline, outline)

    return distance


def _distance_to_segments(x: np.ndarray, y: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    nearest = np.full(x.shape, np.inf)
    for (x0, y0), (dx, dy) in zip(starts, ends - starts, strict=True):
        where = np.clip(((x - x0) * dx + (y - y0) * dy) / max(dx**2 + dy**2, 1e-12), 0, 1)
        nearest = np.minimum(nearest, (x - x0 - where * dx) ** 2 + (y - y0 - where * dy) ** 2)
    return np.sqrt(nearest)


def _shape(name: str) -> Distance:
    if name == "disc":
        return lambda x, y: np.hypot(x, y) - 1
    if name == "ring":
        return lambda x, y: np.abs(np.hypot(x, y) - 0.74) - 0.26
    if name == "crescent":
        return lambda x, y: np.maximum(np.hypot(x, y) - 1, 0.72 - np.hypot(x - 0.5, y + 0.25))
    if name == "cross":
        return lambda x, y: np.maximum(np.maximum(np.abs(x), np.abs(y)) - 1, np.minimum(np.abs(x), np.abs(y)) - 0.36)
    if name == "star":
        angle = np.arange(10) * np.pi / 5
        radius = np.where(np.arange(10) % 2, 0.45, 1.0)
        return _polygon(np.stack([radius * np.sin(angle), -radius * np.cos(angle)], axis=1))
    corners = {"square": [(-1, -1), (1, -1), (1, 1), (-1, 1)], "triangle": [(0, -1), (1, 1), (-1, 1)],
               "diamond": [(0, -1), (1, 0), (0, 1), (-1, 0)]}
    return _polygon(np.array(corners[name], float))


def _glyph(digit: str, random: np.random.Generator) -> Distance:
    """A digit in one writer's hand: slant, width, pen and every knot vary."""
    pen = random.uniform(0.16, 0.26)
    slant, stretch = random.uniform(-0.15, 0.3), random.uniform(0.75, 1.0)
    moved: dict[tuple[float, float], np.ndarray] = {}
    strokes = []
    for stroke in GLYPHS[digit]:
        knots = []
        for knot in stroke:  # a knot shared by two strokes moves once
            x, y = moved.setdefault(knot, np.array(knot) + random.uniform(-0.09, 0.09, 2))
            knots.append((x * stretch - y * slant, y))
        strokes.append(_smooth_curve(np.array(knots)))
    everything = np.concatenate(strokes)
    low, high = everything.min(0), everything.max(0)
    scale = (2 - 2 * pen) / (high - low).max()
    strokes = [(points - (low + high) / 2) * scale for points in strokes]
    starts = np.concatenate([points[:-1] for points in strokes])
    ends = np.concatenate([points[1:] for points in strokes])
    return lambda x, y: _distance_to_segments(x, y, starts, ends) - pen


def _smooth_curve(knots: np.ndarray, pieces: int = 6) -> np.ndarray:
    """Points of the Catmull-Rom curve through the knots [N, 2]."""
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    t = np.linspace(0, 1, pieces, endpoint=False)[:, None]
    points = []
    for a, b, c, d in zip(padded[:-3], padded[1:-2], padded[2:-1], padded[3:], strict=True):
        points.append(b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))))
    return np.concatenate([*points, knots[-1:]])


def draw_shape(index: int, random: np.random.Generator) -> Distance:
    """The signed distance of shape number `index` of SHAPE_NAMES; glyphs are drawn anew by `random`.

    It is interpolated in a table with steps of 1/40, which is many times faster than exact; valid within [-1.5, 1.5].
    """
    name = SHAPE_NAMES[index]
    exact = _glyph(name.removeprefix("digit_"), random) if name.startswith("digit_") else _shape(name)
    y, x = np.mgrid[-60:61, -60:61] / 40
    table = exact(x, y)
    return lambda x, y: map_coordinates(table, np.stack([y, x]) * 40 + 60, order=1, mode="nearest")


def draw_fill(kind: str, colors: np.ndarray, side: float, random: np.random.Generator) -> Field:
    """A fill that moves with the object: (x, y) in object coordinates -> RGB. `colors` [2, 3]; `side` in px."""
    angle = random.uniform(0, np.pi)
    waves = side / random.uniform(6.0, 8.0)  # a period of 6 to 8 px survives antialiasing
    phase = random.uniform(0, 2 * np.pi, 2)

    def share(x: np.ndarray, y: np.ndarray) -> np.ndarray:  # of the second colour
        across, along = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
        wave, other = np.sin(np.pi * waves * across + phase[0]), np.sin(np.pi * waves * along + phase[1])
        match kind:
            case "plain":
                return np.zeros_like(x)
            case "stripes":
                return 0.5 + 0.5 * np.tanh(2.5 * wave)
            case "dots":
                return 0.5 + 0.5 * np.tanh(3 * (wave * other - 0.25))
            case _:
                return np.clip(0.5 + across / 2, 0, 1)

    return lambda x, y: colors[0] + share(x, y)[..., None] * (colors[1] - colors[0])


def draw_background(random: np.random.Generator) -> Field:
    """Smooth colourful texture without end: (x, y) in px -> RGB in [0, 1]; three colours mixed by warped low waves."""
    hue, turn = random.uniform(), random.uniform(0.15, 0.45) * random.choice([-1, 1])
    values = random.permutation([random.uniform(0.25, 0.45), random.uniform(0.5, 0.7), random.uniform(0.75, 0.95)])
    palette = np.array([
        colorsys.hsv_to_rgb((hue + k * turn) % 1, random.uniform(0.35, 0.9), value) for k, value in enumerate(values)
    ])
    warp_x, warp_y = _waves(random, 4, 40, 90), _waves(random, 4, 40, 90)
    mix, other = _waves(random, 8, 24, 70), _waves(random, 8, 24, 70)

    def color(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        u, v = x + 5 * warp_x(x, y), y + 5 * warp_y(x, y)
        weights = np.exp(np.stack([1.3 * mix(u, v), 1.3 * other(u, v), np.zeros_like(u)], axis=-1))
        return weights / weights.sum(-1, keepdims=True) @ palette

    return color


def _waves(random: np.random.Generator, count: int, shortest: float, longest: float) -> Field:
    """A sum of plane waves with wavelengths in px, of about unit variance."""
    wavelength = np.exp(random.uniform(np.log(shortest), np.log(longest), count))
    angle, phase = random.uniform(0, 2 * np.pi, (2, count))
    strength = wavelength / np.sqrt((wavelength**2).sum() / 2)  # long waves are stronger, as in nature
    kx, ky = 2 * np.pi * np.cos(angle) / wavelength, 2 * np.pi * np.sin(angle) / wavelength
    return lambda x, y: np.sin(x[..., None] * kx + y[..., None] * ky + phase) @ strength


def pick_colors(background: np.ndarray, others: list[np.ndarray], random: np.random.Generator) -> np.ndarray:
    """Two RGB colours [2, 3] of one object, vivid, far from most of the background [..., 3] and from `others` [3].

    The best of eight random pairs: distinct as a rule, by no means always.
    """
    drawn = []
    for _ in range(8):
        hue, saturation, value = random.uniform(), random.uniform(0.3, 1.0), random.uniform(0.45, 1.0)
        second_hue, darker = (hue + random.uniform(-0.2, 0.2)) % 1, value * random.uniform(0.35, 0.7)
        second = colorsys.hsv_to_rgb(second_hue, saturation * random.uniform(), darker)
        drawn.append([colorsys.hsv_to_rgb(hue, saturation, value), second])
    pairs = np.array(drawn)
    gaps = np.linalg.norm(pairs[:, :, None] - background.reshape(-1, 3)[::37], axis=-1)
    score = np.quantile(gaps, 0.1, axis=(1, 2))
    for other in others:
        score = np.minimum(score, np.linalg.norm(pairs.mean(1) - other, axis=-1))
    return pairs[score.argmax()]
