"""Animations of a forecast and of its layers, one drawing per frame. Green edge: given frames; red: forecast.

Legend: T = context_frames + horizon, S samples. Frames are uint8 [H, W, C], C is 1 or 3. A target has T frames, or
only the context_frames where the future is not known.
"""

from pathlib import Path

import numpy as np

from pipeline.frames.write_video import write_animation, write_video
from pipeline.pictures.grid import CONTEXT, FORECAST, Color, Tile, draw_grid
from pipeline.pictures.layers import Layers, layer_tiles


def forecast_animation(target: np.ndarray, predictions: np.ndarray, context_frames: int, title: str) -> np.ndarray:
    """Draws context | truth (where it is known) | prediction | further samples: uint8 [T, height, width, 3].

    predictions [S, T, H, W, C]: their first context_frames are reconstructions.
    """
    names = ["prediction", *(f"sample {sample + 1}" for sample in range(1, len(predictions)))]
    drawings = []
    for t in range(predictions.shape[1]):
        tiles = [Tile(target[min(t, context_frames - 1)], "context", CONTEXT)]
        if len(target) > context_frames:
            tiles.append(Tile(target[t], "truth"))
        tiles += [
            Tile(frames[t], name, _edge(t, context_frames)) for frames, name in zip(predictions, names, strict=True)
        ]
        drawings.append(draw_grid([tiles], title=f"{_moment(t, context_frames)}   {title}"))
    return np.stack(drawings)


def layers_animation(target: np.ndarray, layers: Layers, context_frames: int, title: str) -> np.ndarray:
    """Draws the layers of the reconstructed context, then of the prediction: uint8 [T, height, width, 3]."""
    drawings = []
    for t in range(len(layers.frames)):
        name = "reconstruction" if t < context_frames else "prediction"
        row = layer_tiles(target[min(t, len(target) - 1)], layers, t, name, _edge(t, context_frames))
        if t >= len(target):
            row[0] = Tile(target[-1], "last given", CONTEXT)
        drawings.append(draw_grid([row], title=f"{_moment(t, context_frames)}   {title}"))
    return np.stack(drawings)


def write_animations(folder: Path, name: str, drawings: np.ndarray, fps: float) -> None:
    """Writes drawings uint8 [T, height, width, 3] as NAME.gif and NAME.mp4."""
    write_animation(folder / f"{name}.gif", drawings, fps)
    write_video(folder / f"{name}.mp4", drawings, fps)


def _edge(t: int, context_frames: int) -> Color:
    return CONTEXT if t < context_frames else FORECAST


def _moment(t: int, context_frames: int) -> str:
    return f"given {t + 1}" if t < context_frames else f"forecast step {t - context_frames + 1}"
