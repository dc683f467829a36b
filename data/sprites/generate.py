"""Makes the demonstration data: short videos of moving sprites with ground truth beside each.

    python -m data.sprites.generate

NAME.mkv is losslessly coded RGB. NAME.truth.npz holds, for T frames and N objects (the first is the farthest):
segmentation  uint8 [T, H, W]       0 background, i + 1 where object i is what one sees
position      float32 [T, N, 2]     x, y of the bounding box's centre, px; the frame's left and top edges are 0
velocity      float32 [T, N, 2]     px per frame
size          float32 [N]           side of the square bounding box, px
color         float32 [N, 3]        RGB in [0, 1]; of a textured fill the mean of its two colours
shape         uint8 [N]             index into drawing.SHAPE_NAMES
background    uint8 [T, H, W, 3]    the frame without objects
turning       bool [T]              where objects draw a new direction; nothing before that frame tells which
"""

import os
import shutil
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import typer
from pydantic import AfterValidator, Field

from data.sprites.drawing import FILLS, SHAPE_NAMES, SHAPES, draw_background, draw_fill, draw_shape, pick_colors
from pipeline.errors import UserError, end_with_parent, one_line_errors
from pipeline.frames.write_video import write_video
from pipeline.params import Params, read_section
from pipeline.progress import progress

SUBSAMPLES = 3
"""Points per pixel and axis at which shapes and fills are evaluated."""
PANNING_SPEED = (0.2, 0.8)
"""Speed of a panning background, px per frame."""
STOP_FRAMES = (6, 16)
"""Shortest and longest stop."""
GLYPH_SHARE = 0.3
"""Share of glyphs among coloured objects."""
TURNS = (-np.pi / 2, 0.0, np.pi / 2)
"""What an object may do at a turn, equally likely: to the one side, straight on, to the other; radians."""


def _ordered(limits: tuple) -> tuple:
    if limits[0] > limits[1]:
        raise ValueError("wanted [lowest, highest]")
    return limits


class SpriteParams(Params):
    """What the demonstration videos look like. Ranges are [lowest, highest]."""

    num_videos: int = Field(ge=1)
    """How many videos are drawn."""
    num_frames: int = Field(ge=2)
    """Frames per video."""
    height: int = Field(ge=16)
    """px."""
    width: int = Field(ge=16)
    """px."""
    fps: float = Field(gt=0)
    """Frames per second that the files are marked with."""
    num_objects: Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(le=20)]], AfterValidator(_ordered)]
    """Objects in a video."""
    object_side: Annotated[tuple[Annotated[float, Field(ge=4)], float], AfterValidator(_ordered)]
    """Side of an object's square bounding box, px."""
    speed: Annotated[tuple[Annotated[float, Field(ge=0)], float], AfterValidator(_ordered)]
    """px per frame."""
    stop_probability: float = Field(ge=0, le=1)
    """Share of objects that stop once for a while."""
    turn_every: Annotated[int, Field(ge=1)] | None
    """Frames between two moments at which every object draws a new direction, one of TURNS; null: never. A future that
    holds such a moment is truly open."""
    panning: bool
    """Whether the camera drifts over a background larger than the frame."""
    brightness_drift: float = Field(ge=0, le=0.5)
    """How far a video's brightness swings to either side of 1 (0.2: between 0.8 and 1.2)."""
    style: Literal["color", "digits"]
    """color: textured backgrounds, shapes and glyphs; digits: grey handwritten-like digits on black."""
    seed: int = Field(ge=0)
    """Decides everything that is random."""


def draw_video(params: SpriteParams, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Returns video number `index`, uint8 [T, H, W, 3], and its truth; nothing but the arguments decides them."""
    random = np.random.default_rng([params.seed, index])
    background = _draw_background(params, random)
    frames = background.copy()
    segmentation = np.zeros(frames.shape[:3], np.uint8)
    strongest = np.ones(frames.shape[:3])  # share of a pixel's light that comes from what shows most in it
    objects: list[dict[str, Any]] = []
    for number in range(1, int(random.integers(params.num_objects[0], params.num_objects[1], endpoint=True)) + 1):
        sprite = _draw_object(params, background, objects, random)
        for t, position in enumerate(sprite["position"]):
            rows, columns, alpha, color = _render(sprite, position, frames.shape[1:3])
            window = (t, rows, columns)
            frames[window] += alpha[..., None] * (color - frames[window])
            behind = strongest[window] * (1 - alpha)
            segmentation[window] = np.where(alpha > behind, number, segmentation[window])
            strongest[window] = np.maximum(alpha, behind)
        objects.append(sprite)
    light = _light(params, random)[:, None, None, None]
    truth = {
        "segmentation": segmentation, "background": _to_uint8(light * background), "turning": _turning(params),
    }
    for name, trailing, dtype in (("position", (params.num_frames, 2), np.float32), ("size", (), np.float32),
                                  ("velocity", (params.num_frames, 2), np.float32), ("color", (3,), np.float32),
                                  ("shape", (), np.uint8)):
        values = np.array([sprite[name] for sprite in objects], dtype).reshape(len(objects), *trailing)
        truth[name] = values.swapaxes(0, 1) if name in ("position", "velocity") else values
    return _to_uint8(light * frames), truth


def _draw_background(params: SpriteParams, random: np.random.Generator) -> np.ndarray:
    """float64 [T, H, W, 3]."""
    if params.style == "digits":
        return np.zeros((params.num_frames, params.height, params.width, 3))
    field = draw_background(random)
    y, x = np.mgrid[: params.height, : params.width] + 0.5
    if not params.panning:
        return np.broadcast_to(field(x, y), (params.num_frames, params.height, params.width, 3))
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(*PANNING_SPEED)
    steps = speed * np.arange(params.num_frames)
    return np.stack([field(x + step * np.cos(angle), y + step * np.sin(angle)) for step in steps])


def _draw_object(params: SpriteParams, background: np.ndarray, others: list[dict], random: np.random.Generator) -> dict:
    side = random.uniform(*params.object_side)
    if params.style == "digits":
        shape = int(random.integers(len(SHAPES), len(SHAPE_NAMES)))
        colors = np.ones((2, 3))
        kind = "plain"
    else:
        is_glyph = random.uniform() < GLYPH_SHARE
        shape = int(random.integers(*((len(SHAPES), len(SHAPE_NAMES)) if is_glyph else (0, len(SHAPES)))))
        colors = pick_colors(background, [sprite["color"] for sprite in others], random)
        kind = "plain" if is_glyph else str(random.choice(FILLS))
    position, velocity = _move(params, side, random)
    return {
        "distance": draw_shape(shape, random), "fill": draw_fill(kind, colors, side, random),
        "position": position, "velocity": velocity, "size": side, "shape": shape,
        "color": colors[0] if kind == "plain" else colors.mean(0),
    }


def _move(params: SpriteParams, side: float, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Position and velocity [T, 2] of a box that flies straight between turns, is mirrored by the walls and may rest
    once.

    The velocity at t is that of the flight from t on.
    """
    moving = np.ones(params.num_frames, bool)
    if random.uniform() < params.stop_probability:
        rest = random.integers(1, params.num_frames)
        moving[rest : rest + random.integers(*STOP_FRAMES, endpoint=True)] = False
    angle, speed = random.uniform(0, 2 * np.pi), random.uniform(*params.speed)
    room = np.array([params.width, params.height]) - side
    start = random.uniform(0, room)
    stretch = np.cumsum(_turning(params))  # [T]: which stretch between turns begins or goes on at t
    angles = angle + np.concatenate([[0], random.choice(TURNS, stretch[-1]).cumsum()])
    velocity = speed * np.stack([np.cos(angles), np.sin(angles)], -1)
    # A mirrored flight is a straight one through mirrored copies of the room, folded back.
    straight = start
    for number, of_stretch in enumerate(velocity):
        straight = straight + _time_before(moving & (stretch == number))[:, None] * of_stretch
    phase = straight % (2 * room)
    returning = phase >= room
    position = side / 2 + np.where(returning, 2 * room - phase, phase)
    return position, np.where(returning, -velocity[stretch], velocity[stretch]) * moving[:, None]


def _time_before(moving: np.ndarray) -> np.ndarray:
    """How many of the frames before t are `moving` [T]: int [T]."""
    return np.concatenate([[0], np.cumsum(moving[:-1])])


def _turning(params: SpriteParams) -> np.ndarray:
    """bool [T]: the frames from which on objects fly in a newly drawn direction."""
    times = np.arange(params.num_frames)
    return (times > 0) & (times % (params.turn_every or params.num_frames) == 0)


def _render(sprite: dict, position: np.ndarray, frame: tuple[int, int]) -> tuple:
    """Returns the rows and columns (slices) that the object covers, and there its alpha [h, w] and colour [h, w, 3]."""
    half = sprite["size"] / 2
    left, top = np.floor(position - half).astype(int).clip(0)
    right, bottom = np.minimum(np.ceil(position + half).astype(int), frame[::-1])
    offsets = (np.arange(SUBSAMPLES) + 0.5) / SUBSAMPLES
    x = ((np.arange(left, right)[:, None] + offsets).ravel() - position[0]) / half
    y = ((np.arange(top, bottom)[:, None] + offsets).ravel() - position[1]) / half
    x, y = np.meshgrid(x, y)
    coverage = np.clip(0.5 - sprite["distance"](x, y) * half * SUBSAMPLES, 0, 1)
    blocks = (bottom - top, SUBSAMPLES, right - left, SUBSAMPLES)
    color = sprite["fill"](x, y).reshape(*blocks, 3).mean((1, 3))
    return slice(top, bottom), slice(left, right), coverage.reshape(blocks).mean((1, 3)), color


def _light(params: SpriteParams, random: np.random.Generator) -> np.ndarray:
    """Brightness [T] of every frame: a slow wave around 1."""
    period, phase = random.uniform(30, 90), random.uniform(0, 2 * np.pi)
    return 1 + params.brightness_drift * np.sin(2 * np.pi * np.arange(params.num_frames) / period + phase)


def _to_uint8(colors: np.ndarray) -> np.ndarray:
    return np.round(colors.clip(0, 1) * 255).astype(np.uint8)


def _write(params: SpriteParams, index: int, folder: Path) -> None:
    frames, truth = draw_video(params, index)
    name = f"{index:0{len(str(params.num_videos - 1))}d}"
    write_video(folder / f"{name}.mkv", frames, params.fps, lossless=True)
    arrays: dict[str, Any] = {**truth}
    np.savez_compressed(folder / f"{name}.truth.npz", **arrays)


def generate(params: SpriteParams, out: Path) -> None:
    """Writes all videos to the folder `out`, which is replaced. Raises UserError when objects do not fit the frame."""
    largest = max(params.object_side)
    if largest >= min(params.height, params.width):
        frame = f"{params.width}x{params.height}"
        raise UserError(f"sprites.object_side: {largest} px do not fit a frame of {frame} px; make it smaller")
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    context = get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context, initializer=end_with_parent) as workers:
        with progress("drawing", params.num_videos, "videos") as advance:
            jobs = [workers.submit(_write, params, index, partial) for index in range(params.num_videos)]
            for job in as_completed(jobs):
                job.result()
                advance()
    shutil.rmtree(out, ignore_errors=True)
    partial.rename(out)


def main(
    params: Annotated[Path, typer.Option(help="File with the section 'sprites'.")] = Path("data/sprites/params.yaml"),
    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("data/sprites/videos"),
) -> None:
    """Draws the demonstration videos."""
    with one_line_errors():
        generate(read_section(params, "sprites", SpriteParams), out)


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
