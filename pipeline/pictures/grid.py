"""Draws pictures as a labelled grid of tiles, each enlarged by a whole factor so that a pixel stays a square.

Legend: H W px of a tile's picture. Everything is uint8; a drawing is RGB [height, width, 3]. The same tiles give the
same bytes.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipeline.errors import writing
from pipeline.pictures.lettering import LINE_PX, width_of, write

Color = tuple[int, int, int]

CONTEXT = (46, 125, 50)
"""Edge of frames that were given: green."""
FORECAST = (198, 40, 40)
"""Edge of frames that were predicted: red."""
PAPER, INK = (255, 255, 255), (33, 33, 33)

PICTURE_PX = 256
"""Least length of a picture's longer side, as it is shown: of someone filmed from head to knee, face and hands then are
some 30 px across, about the least at which one sees where a hand is and which way a face looks. Chosen by eye."""

_EDGE, _GUTTER = 3, 8
_MOST_COLUMNS = 4
"""Columns of a film: four pictures of PICTURE_PX are about 1100 px wide, which a laptop shows as they are."""


@dataclass(frozen=True)
class Tile:
    """One picture uint8 [H, W, 1 or 3], the text above it and the colour of its edge."""

    picture: np.ndarray
    label: str = ""
    edge: Color = PAPER
    label_color: Color = INK


def enlargement(height: int, width: int) -> int:
    """The whole factor that brings the longer side of a picture to PICTURE_PX at least; 1 where it is that long."""
    return max(1, -(-PICTURE_PX // max(height, width)))


def in_rows(tiles: list[Tile]) -> list[list[Tile]]:
    """Tiles in reading order, in as few rows as _MOST_COLUMNS allow, as equal as can be."""
    num_rows = -(-len(tiles) // _MOST_COLUMNS)
    num_columns = -(-len(tiles) // num_rows)
    return [tiles[start:start + num_columns] for start in range(0, len(tiles), num_columns)]


def draw_grid(rows: list[list[Tile]], row_labels: list[str] | None = None, title: str = "") -> np.ndarray:
    """Draws rows of tiles of one size, in columns. Returns a drawing of even height and width (H.264 asks for it).

    Its size does not depend on the title, which is cut where it is too long: the drawings of an animation are all
    alike.
    """
    row_labels = row_labels or [""] * len(rows)
    height, width = rows[0][0].picture.shape[:2]
    scale = enlargement(height, width)
    left = _GUTTER + max(width_of(label) + _GUTTER if label else 0 for label in row_labels)
    top = _GUTTER + (LINE_PX if title else 0)
    # A row without any label needs no line for them.
    labelled = [LINE_PX if any(tile.label for tile in row) else 0 for row in rows]
    # A picture that is narrower than what is written above it is given the room.
    widest = max(width * scale + 2 * _EDGE, *(width_of(tile.label) for row in rows for tile in row))
    step_x, step_y = widest + _GUTTER, height * scale + 2 * _EDGE + _GUTTER
    size_x = left + step_x * max(len(row) for row in rows)
    size_y = top + sum(labelled) + step_y * len(rows)
    canvas = Image.new("RGB", (size_x + size_x % 2, size_y + size_y % 2), PAPER)
    pen = ImageDraw.Draw(canvas)
    write(canvas, (_GUTTER, _GUTTER // 2), title, INK)
    y = top
    for row, label, line_height in zip(rows, row_labels, labelled, strict=True):
        y += line_height
        write(canvas, (_GUTTER, y + (height * scale) // 2), label, INK, "middle")
        for column, tile in enumerate(row):
            x = left + column * step_x
            write(canvas, (x, y - LINE_PX), tile.label, tile.label_color)
            pen.rectangle((x, y, x + width * scale + 2 * _EDGE - 1, y + height * scale + 2 * _EDGE - 1), fill=tile.edge)
            canvas.paste(_enlarge(tile.picture, scale), (x + _EDGE, y + _EDGE))
        y += step_y
    return np.asarray(canvas)


def write_png(path: Path, drawing: np.ndarray) -> None:
    """Writes a drawing losslessly, without any metadata."""
    with writing(path):
        Image.fromarray(drawing).save(path, format="PNG")


def _enlarge(picture: np.ndarray, scale: int) -> Image.Image:
    rgb = np.broadcast_to(picture, (*picture.shape[:2], 3))
    return Image.fromarray(np.ascontiguousarray(rgb.repeat(scale, 0).repeat(scale, 1)))
