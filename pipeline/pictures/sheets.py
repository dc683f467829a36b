"""Still sheets of a forecast and of a clip's layers, at a few chosen frames. Frames are uint8 [H, W, C], C is 1 or
3."""

from dataclasses import replace

import numpy as np

from pipeline.pictures.error_map import error_map
from pipeline.pictures.grid import CONTEXT, FORECAST, PAPER, Color, Tile, draw_grid
from pipeline.pictures.layers import Layers, layer_tiles
from pipeline.spacing import evenly_spaced

_CONTEXT_COLUMNS, _FORECAST_COLUMNS, _LAYER_ROWS, _SWAP_COLUMNS, _STRIP_COLUMNS = 2, 6, 4, 5, 8


def forecast_sheet(context: np.ndarray, target: np.ndarray, forecasts: dict[str, np.ndarray], title: str) -> np.ndarray:
    """Draws the truth above each forecast at chosen steps, and under the first forecast how far it is from the truth:
    RGB [height, width, 3]. Green edge: given; red: forecast.

    context [context_frames, H, W, C]; target and every forecast (label -> frames) [horizon, H, W, C].
    """
    steps = evenly_spaced(len(target), _FORECAST_COLUMNS)
    given = range(max(0, len(context) - _CONTEXT_COLUMNS), len(context))
    truth = [Tile(context[t], f"given {t + 1}", CONTEXT) for t in given]
    truth += [Tile(target[step], f"step {step + 1}") for step in steps]
    blank = [Tile(np.full_like(context[0], PAPER[0]))] * len(given)
    rows = {name: blank + [Tile(frames[step], edge=FORECAST) for step in steps] for name, frames in forecasts.items()}
    first = next(iter(forecasts))
    errors = {f"error of the {first}": blank + [Tile(error_map(forecasts[first][t], target[t])) for t in steps]}
    rows = {"truth": truth, first: rows.pop(first), **errors, **rows}
    return draw_grid(list(rows.values()), list(rows), title)


def layers_sheet(
    target: np.ndarray | None, layers: Layers, title: str, context_frames: int | None = None,
    labels: list[str] | None = None,
) -> np.ndarray:
    """Draws frame | what the codes are decoded to | background | each slot on grey | segmentation at chosen times.

    target [T, H, W, C]; None leaves out the true frame, where it is not at hand. context_frames: how many were given
    (green edge) before a forecast starts (red); None: all were. labels: what every frame is called, then all are drawn;
    None: a few are, by their times. Returns RGB [height, width, 3].
    """
    def edge(t: int) -> Color:
        return PAPER if context_frames is None else CONTEXT if t < context_frames else FORECAST

    times = evenly_spaced(len(layers.frames), len(labels) if labels else _LAYER_ROWS)
    shown = layers.frames if target is None else target
    rows = [layer_tiles(shown[t], layers, t, "decoded from codes", edge(t))[target is None:] for t in times]
    rows[1:] = [[replace(tile, label="") for tile in row] for row in rows[1:]]
    return draw_grid(rows, labels or [f"t = {t}" for t in times], title)


def strip_sheet(strips: dict[str, dict[int, np.ndarray]], edges: dict[str, Color], title: str) -> np.ndarray:
    """Draws strips of pictures below one another, at chosen frames of the video: RGB [height, width, 3].

    strips: label -> frame number -> picture uint8 [H, W, C], all of one size; edges: label -> colour, paper without.
    """
    numbers = sorted({number for strip in strips.values() for number in strip})
    chosen = [numbers[i] for i in evenly_spaced(len(numbers), _STRIP_COLUMNS)]
    blank = np.full_like(next(iter(next(iter(strips.values())).values())), PAPER[0])
    rows = [[Tile(strip[number], edge=edges.get(label, PAPER)) if number in strip else Tile(blank) for number in chosen]
            for label, strip in strips.items()]
    rows[0] = [replace(tile, label=f"frame {number}") for tile, number in zip(rows[0], chosen, strict=True)]
    return draw_grid(rows, list(strips), title)


def swap_sheet(rows: dict[str, np.ndarray], title: str) -> np.ndarray:
    """Draws what comes of exchanging codes between two sequences, one row (label -> frames [T, H, W, C]) below the
    other, at chosen times: RGB [height, width, 3]."""
    times = evenly_spaced(len(next(iter(rows.values()))), _SWAP_COLUMNS)
    tiles = [[Tile(frames[t]) for t in times] for frames in rows.values()]
    tiles[0] = [replace(tile, label=f"t = {t}") for tile, t in zip(tiles[0], times, strict=True)]
    return draw_grid(tiles, list(rows), title)
