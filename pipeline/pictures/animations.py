"""Animations of a forecast and of its layers, one drawing per frame. Green edge: given frames; red: forecast.

Legend: T = context_frames + horizon, S samples. Frames are uint8 [H, W, C], C is 1 or 3. A target has T frames, or
only the context_frames where the future is not known.
"""

from pathlib import Path

import numpy as np

from pipeline.frames.pixels import mean_picture
from pipeline.frames.write_video import write_animation, write_video
from pipeline.pictures.baselines import baselines, mean_name, sample_name
from pipeline.pictures.error_map import ERROR, error_map
from pipeline.pictures.grid import CONTEXT, FORECAST, PAPER, Color, Tile, draw_grid, in_rows
from pipeline.pictures.layers import Layers, layer_tiles


def forecast_animation(
    target: np.ndarray, predictions: np.ndarray, straight_on: np.ndarray, context_frames: int, title: str,
) -> np.ndarray:
    """Draws truth (where it is known) | mean of the samples (of several) | error of that, or of the only one (where the
    truth is known) | every sample | baselines, all of which first show the given frames: uint8 [T, height, width, 3].

    predictions [S, horizon, H, W, C]; straight_on [horizon, H, W, C] as in pipeline.pictures.baselines.
    """
    context, known = target[:context_frames], len(target) > context_frames
    samples = {sample_name(s, len(predictions)): frames for s, frames in enumerate(predictions)}
    shown = {mean_name(len(predictions)): mean_picture(predictions)} if len(predictions) > 1 else samples
    first = next(iter(shown))
    forecasts = shown | samples | baselines(context, straight_on)
    drawings = []
    for t in range(context_frames + len(straight_on)):
        given, edge = t < context_frames, _edge(t, context_frames)
        tiles = [Tile(target[t], "truth", CONTEXT if given else PAPER)] if known else []
        for name, frames in forecasts.items():
            tiles.append(Tile(context[t] if given else frames[t - context_frames], name, edge))
            if known and name == first:
                tiles.append(Tile(error_map(tiles[-1].picture, target[t]), ERROR, edge))
        drawings.append(draw_grid(in_rows(tiles), title=f"{_moment(t, context_frames)}   {title}"))
    return np.stack(drawings)


def layers_animation(target: np.ndarray, layers: Layers, context_frames: int, title: str) -> np.ndarray:
    """Draws the layers of the reconstructed context, then of a forecast, and what they make together, to which nothing
    is mixed: uint8 [T, height, width, 3]."""
    drawings = []
    for t in range(len(layers.frames)):
        tiles = layer_tiles(target[min(t, len(target) - 1)], layers, t, "layers together", _edge(t, context_frames))
        if t >= len(target):
            tiles[0] = Tile(target[-1], "last given", CONTEXT)
        drawings.append(draw_grid(in_rows(tiles), title=f"{_moment(t, context_frames)}   {title}"))
    return np.stack(drawings)


def write_animations(folder: Path, name: str, drawings: np.ndarray, fps: float) -> None:
    """Writes drawings uint8 [T, height, width, 3] as NAME.gif and NAME.mp4."""
    write_animation(folder / f"{name}.gif", drawings, fps)
    write_video(folder / f"{name}.mp4", drawings, fps)


def _edge(t: int, context_frames: int) -> Color:
    return CONTEXT if t < context_frames else FORECAST


def _moment(t: int, context_frames: int) -> str:
    return f"given {t + 1}" if t < context_frames else f"forecast step {t - context_frames + 1}"
