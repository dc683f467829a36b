"""Tracks of objects drawn over a frame. Black on white: where the true centres were; in the slots' colours: where the
slots were.

Legend: T frames, N true objects, K slots, C channels, H W px.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from pipeline.pictures.grid import INK, PAPER, Color, Tile, draw_grid
from pipeline.pictures.layers import slot_color

_LONGER_SIDE = 480
"""A frame is drawn about as large, px: parts of a pixel can be seen."""
_OF_MANY = 320
"""px of the longer side where there are several frames."""
_LINE, _END, _DOT = 2, 5, 2.5


def tracks_sheet(
    frame: np.ndarray, place: np.ndarray, in_view: np.ndarray, position: np.ndarray | None, shown: np.ndarray | None,
    title: str, name: str = "frame",
) -> np.ndarray:
    """Draws frame, called `name` | true tracks (where they are known) | tracks of the slots: RGB [height, width, 3].

    frame uint8 [H, W, C]; place [T, K, 2] x, y px of the slots and in_view bool [T, K]; position [T, N, 2] and shown
    bool [T, N] of the true objects. A track is drawn through the frames in which it can be seen, a ring at its start.
    """
    scale = max(1, _LONGER_SIDE // max(frame.shape[:2]))
    large = frame.repeat(scale, 0).repeat(scale, 1)
    tiles = [Tile(large, name)]
    colors = [slot_color(slot) for slot in range(place.shape[1])]
    found, label = Image.fromarray(_rgb(large)), "tracks"
    if position is not None and shown is not None:
        truth = Image.fromarray(_rgb(large))
        for canvas in (truth, found):
            _draw_tracks(canvas, position * scale, shown, [INK] * position.shape[1], halo=True)
        tiles.append(Tile(np.asarray(truth), "truth"))
        label = "tracks, over the true ones"
    _draw_tracks(found, place * scale, in_view, colors, halo=False)
    return draw_grid([[*tiles, Tile(np.asarray(found), label)]], title=title)


@dataclass(frozen=True)
class Tracks:
    """Where the slots of one clip are: place [T, K, 2] x, y px, in_view bool [T, K], the colour of each slot."""

    place: np.ndarray
    in_view: np.ndarray
    colors: list[Color]


def overlay_sheet(columns: list[tuple[str, np.ndarray, dict[str, Tracks]]], name: str, title: str) -> np.ndarray:
    """Draws the frames of several clips in a row, called `name`, below them the tracks of each store, by name, and
    those of all stores together: RGB [height, width, 3]. A single clip is drawn from left to right.

    columns: of every clip its label, a frame uint8 [H, W, C] and the tracks.
    """
    drawn = []
    for label, frame, stores in columns:
        scale = max(1, (_LONGER_SIDE if len(columns) == 1 else _OF_MANY) // max(frame.shape[:2]))
        large = frame.repeat(scale, 0).repeat(scale, 1)
        last = [*stores][-1]
        shown = {name: {}, **{store: {store: own} for store, own in stores.items()}}
        if len(stores) > 1:  # the outlined ones below, or they would hide the others
            shown[f"both, outlined: {last}"] = {store: stores[store] for store in reversed(stores)}
        tiles = []
        for what, several in shown.items():
            canvas = Image.fromarray(_rgb(large))
            for store, own in several.items():
                is_outlined = len(several) > 1 and store == last
                _draw_tracks(canvas, own.place * scale, own.in_view, own.colors, halo=is_outlined)
            tiles.append(Tile(np.asarray(canvas), f"{label}, {what}" if what == name else what))
        drawn.append(tiles)
    rows = drawn if len(drawn) == 1 else [list(row) for row in zip(*drawn, strict=True)]
    return draw_grid(rows, title=title)


def _draw_tracks(canvas: Image.Image, place: np.ndarray, seen: np.ndarray, colors: list[Color], halo: bool) -> None:
    """place [T, n, 2] in px of the canvas, seen bool [T, n]; a halo of paper keeps dark lines apart from the frame."""
    pen = ImageDraw.Draw(canvas)
    for track, frames, color in zip(place.swapaxes(0, 1), seen.T, colors, strict=True):
        points = [tuple(float(value) for value in point) for point in track[frames]]
        if not points:
            continue
        if halo:
            pen.line(points, fill=PAPER, width=_LINE + 4, joint="curve")
        pen.line(points, fill=color, width=_LINE, joint="curve")
        for x, y in points:
            pen.ellipse((x - _DOT, y - _DOT, x + _DOT, y + _DOT), fill=color)
        x, y = points[0]
        pen.ellipse((x - _END, y - _END, x + _END, y + _END), outline=color, width=_LINE)


def _rgb(picture: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3)))
