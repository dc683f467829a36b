"""Demonstration videos in which something happens that none of the others show, and where.

A video is drawn as data.sprites draws it, but for one disturbance of one object that is well in view, or of the light:

turn      flies on in another direction, 60 to 180 degrees off, far from any wall
jump      is 12 px or more elsewhere from one frame to the next
colour    has other colours from then on
appear    is not there before
freeze    stands still from then on
flicker   the light is 15 to 40 % brighter or darker, in one frame

With `none` nothing is disturbed.
"""

from dataclasses import dataclass

import numpy as np

from data.sprites import generate as sprites
from data.sprites.drawing import draw_fill, pick_colors
from data.sprites.generate import SpriteParams

DISTURBANCES = ("turn", "jump", "colour", "appear", "freeze", "flicker")
NOTHING = "none"
LIGHT = -1
"""The object of a disturbance of the light."""

_CLEAR_PX = 6.0
"""Way to the next wall, at least, at a turn and where it leads in the next frames."""
_SPAN = 6
"""Frames from a disturbance on in which the object moves as it should and is well in view."""
_JUMP_PX = 12.0
_TRIES = 200


@dataclass(frozen=True)
class DisturbedVideo:
    frames: np.ndarray
    """uint8 [T, H, W, 3]"""
    kind: str
    """One of DISTURBANCES, or NOTHING."""
    since: int
    """The first frame that shows it."""
    target: int
    """Which object; LIGHT."""
    position: np.ndarray
    """float [T, N, 2] centres of the objects, px"""
    size: np.ndarray
    """float [N] sides of their boxes, px"""


def draw_disturbed(params: SpriteParams, index: int, kind: str, earliest: int, latest: int) -> DisturbedVideo:
    """Draws video number `index`, disturbed in one of the frames earliest <= t <= latest. Raises AssertionError where
    no video of these parameters can be, for want of room or of motion."""
    for attempt in range(_TRIES):
        random = np.random.default_rng([params.seed, index, attempt])
        background = sprites._draw_background(params, random)
        objects: list[dict] = []
        for _ in range(int(random.integers(params.num_objects[0], params.num_objects[1], endpoint=True))):
            objects.append(sprites._draw_object(params, background, objects, random))
        light = sprites._light(params, random)
        if kind == NOTHING:
            return _film(params, background, objects, light, kind, params.num_frames, LIGHT)
        since, target = int(random.integers(earliest, latest, endpoint=True)), int(random.integers(len(objects)))
        if kind == "flicker":
            light = light.copy()
            light[since] *= 1 + random.uniform(0.15, 0.4) * random.choice([-1, 1])
            return _film(params, background, objects, light, kind, since, LIGHT)
        if kind == "appear" and len(objects) == 1:
            continue
        if _disturb(params, background, objects, kind, since, target, random):
            return _film(params, background, objects, light, kind, since, target)
    raise AssertionError(f"{kind}: no such video in {_TRIES} tries")


def _disturb(
    params: SpriteParams, background: np.ndarray, objects: list[dict], kind: str, since: int, target: int,
    random: np.random.Generator,
) -> bool:
    """Changes an object in place; False where that would not be seen, or could be told from nothing."""
    sprite = objects[target]
    position, later = sprite["position"].copy(), slice(since, since + _SPAN)
    step = position[since - 1] - position[since - 2]
    half, room = sprite["size"] / 2, np.array([params.width, params.height])
    times = np.arange(params.num_frames - since)[:, None] + 1.0
    if kind in ("turn", "freeze"):
        straight = position[since - 1] + step * np.arange(-4, _SPAN)[:, None]
        is_steady = np.allclose(position[since - 5:since + _SPAN - 1], straight)
        if np.linalg.norm(step) < params.speed[0] / 2 or not is_steady:
            return False
        angle = random.uniform(np.pi / 3, np.pi) * random.choice([-1, 1])
        turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]) @ step
        position[since:] = position[since - 1] + (turned * times if kind == "turn" else 0)
        edge = position[since - 1:since + _SPAN]
        if (edge < half + _CLEAR_PX * (kind == "turn")).any() or (
            edge > room - half - _CLEAR_PX * (kind == "turn")).any():
            return False
        position = position.clip(half, room - half)
    if kind == "jump":
        shift = random.uniform(-40, 40, 2)
        position[since:] += shift
        inside = (position[later] >= half).all() and (position[later] <= room - half).all()
        if np.linalg.norm(shift) < _JUMP_PX or not inside:
            return False
        position = position.clip(half, room - half)
    sprite["position"] = position
    if kind == "colour":
        others = [other["color"] for other in objects]
        colors = pick_colors(background, others, random)
        if np.linalg.norm(colors.mean(0) - sprite["color"]) < 0.3:
            return False
        sprite["later_fill"] = draw_fill("plain", colors, sprite["size"], random)
    sprite["since"] = since
    sprite["hidden_before"] = kind == "appear"
    nearer = objects[target + 1:]
    apart = [np.abs(other["position"][later] - position[later]).max(1) - other["size"] / 2 for other in nearer]
    return all((gap > half / 2).all() for gap in apart)


def _film(
    params: SpriteParams, background: np.ndarray, objects: list[dict], light: np.ndarray, kind: str, since: int,
    target: int,
) -> DisturbedVideo:
    frames = background.copy()
    for sprite in objects:
        for t, position in enumerate(sprite["position"]):
            is_later = t >= sprite.get("since", params.num_frames)
            if sprite.get("hidden_before") and not is_later:
                continue
            drawn = {**sprite, "fill": sprite["later_fill"]} if is_later and "later_fill" in sprite else sprite
            rows, columns, alpha, color = sprites._render(drawn, position, frames.shape[1:3])
            frames[t, rows, columns] += alpha[..., None] * (color - frames[t, rows, columns])
    position = np.stack([sprite["position"] for sprite in objects], 1)
    size = np.array([sprite["size"] for sprite in objects])
    return DisturbedVideo(sprites._to_uint8(light[:, None, None, None] * frames), kind, since, target, position, size)
