"""A film in which what surprised is framed and named, and a sheet of the moments that surprised most.

Legend: H W px of a frame. Drawings are uint8 [height, width, 3].
"""

import heapq

import numpy as np
from PIL import Image, ImageDraw

from pipeline.pictures.grid import CONTEXT, FORECAST, INK, PAPER, Tile, draw_grid, enlargement
from pipeline.pictures.lettering import LINE_PX, write
from pipeline.surprise.watching import Moment, Surprise

_MARGIN, _INDENT = 8, 16
_LINE = 2
_COLUMNS = 4


def draw_moment(moment: Moment, threshold: float, title: str) -> np.ndarray:
    """A frame with a red edge, and what surprised framed in red and named beside it, where that is rarer than one frame
    in `threshold`; without an edge where nothing is; with a green one while the first context is given."""
    named = surprising(moment, threshold)
    edge = FORECAST if named else PAPER if moment.surprises else CONTEXT
    shown = framed(moment.frame.pixels, named)
    return draw_grid([[Tile(shown, "", edge), Tile(_told(named, shown.shape))]], title=title)


def _told(named: list[Surprise], shape: tuple[int, ...]) -> np.ndarray:
    """What surprised in words, as far as there is room in a picture of that shape."""
    canvas = Image.new("RGB", (shape[1], shape[0]), PAPER)
    y = _MARGIN
    for one in named:
        for x, line in ((_MARGIN, one.what()), (_INDENT, one.how_rare())):
            if y + LINE_PX <= shape[0]:
                write(canvas, (x, y), line, INK)
            y += LINE_PX
    return np.asarray(canvas)


def surprising(moment: Moment, threshold: float) -> list[Surprise]:
    """What is rarer than one frame in `threshold`, the rarest of every object first and alone."""
    found: dict[tuple[int | None, bool], Surprise] = {}
    for one in moment.surprises:
        if one.rarity * threshold < 1:
            found.setdefault((one.thing, one.box is None), one)
    return list(found.values())


def framed(pixels: np.ndarray, named: list[Surprise]) -> np.ndarray:
    """The frame [H, W, C] enlarged, with the boxes of what surprised."""
    scale = enlargement(*pixels.shape[:2])
    rgb = np.broadcast_to(pixels, (*pixels.shape[:2], 3)).repeat(scale, 0).repeat(scale, 1)
    canvas = Image.fromarray(np.ascontiguousarray(rgb))
    for one in named:
        if one.box is not None:
            ImageDraw.Draw(canvas).rectangle([scale * side for side in one.box], outline=FORECAST, width=_LINE)
    return np.asarray(canvas)


class Rarest:
    """Keeps the rarest moments of all that it is shown, of those that follow one another the rarest alone."""

    def __init__(self, most: int, apart: int):
        """Keeps up to `most`, of one video at least `apart` frames from one another."""
        self._most, self._apart, self._kept = most, apart, list[tuple[float, int, str, Moment]]()
        self._count = 0

    def add(self, video: str, moment: Moment) -> None:
        """Takes the moments of a video in their order."""
        if not moment.surprises:
            return
        self._count += 1
        entry = (-moment.rarity, self._count, video, moment)
        near = next((old for old in self._kept if old[2] == video
                     and moment.frame.number - old[3].frame.number < self._apart), None)
        if near is not None:
            if near[0] >= entry[0]:
                return
            self._kept.remove(near)
            heapq.heapify(self._kept)
        heapq.heappush(self._kept, entry)
        if len(self._kept) > self._most:
            heapq.heappop(self._kept)

    def moments(self) -> list[tuple[str, Moment]]:
        """All of them with their videos, the rarest first."""
        kept = sorted(self._kept, key=lambda one: (-one[0], one[1]))
        return [(video, moment) for _, _, video, moment in kept]

    def sheet(self, title: str) -> np.ndarray | None:
        """All of them on one drawing, the rarest first; None without any."""
        tiles = []
        for video, moment in self.moments():
            first = moment.surprises[0]
            label = f"{video} {moment.frame.number}: {first.what()}, {first.how_rare()}"
            tiles.append(Tile(framed(moment.frame.pixels, [first]), label))
        rows = [tiles[i:i + _COLUMNS] for i in range(0, len(tiles), _COLUMNS)]
        return draw_grid(rows, title=title) if tiles else None
