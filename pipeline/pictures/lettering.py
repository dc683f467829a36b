"""Writes text into pictures, whatever script the names of videos are in.

Latin letters are Pillow's own font. A text with others is written in the font that OpenCV brings along, which has
Cyrillic, Greek, Hebrew, Arabic, Chinese, Japanese and Korean; what it lacks stands as its number, such as U+0939. Both
fonts come with the pinned packages, so that the same text gives the same bytes on every machine.
"""

import unicodedata
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

FONT_PX = 14
LINE_PX = FONT_PX + 4
_NOWHERE = "\U0010ffff"
"""A character that no font has."""
_BASELINE = 14
"""px from a line's upper edge to the baseline in OpenCV's font: where Pillow's stands."""


def write(
    canvas: Image.Image, place: tuple[int, int], text: str, color: tuple[int, int, int],
    anchor: Literal["top", "middle"] = "top",
) -> None:
    """Writes one line from `place` (x, y) on, which is its upper or middle left; what has no room is cut off."""
    text, x, y = plain(text), *place
    if _is_latin(text):
        pen_anchor = {"top": "la", "middle": "lm"}[anchor]
        ImageDraw.Draw(canvas).text(place, text, fill=color, font=_latin(), anchor=pen_anchor)
        return
    y -= LINE_PX // 2 if anchor == "middle" else 0
    line = canvas.crop((x, y, x + width_of(text), y + LINE_PX + 4))
    canvas.paste(Image.fromarray(_written(np.array(line), text, color)), (x, y))


def width_of(text: str) -> int:
    """px of a line."""
    text = plain(text)
    if _is_latin(text):
        return round(_latin().getlength(text))
    _, _, width, _ = cv2.getTextSize((0, 0), text, (0, 0), _foreign(), FONT_PX)
    return width + 2


def plain(text: str) -> str:
    """The text in characters that can be drawn: accents joined to their letters, any space as a space, and what no font
    has as U+ and its number."""
    composed = (" " if x.isspace() else x for x in unicodedata.normalize("NFC", text))
    return "".join(x if _in_latin(x) or _in_foreign(x) else f"U+{ord(x):04X}" for x in composed)


def _is_latin(text: str) -> bool:
    return all(map(_in_latin, text))


@lru_cache(maxsize=4096)
def _in_latin(character: str) -> bool:
    return character == " " or bytes(_latin().getmask(character)) != bytes(_latin().getmask(_NOWHERE))


@lru_cache(maxsize=4096)
def _in_foreign(character: str) -> bool:
    if not character.isprintable():
        return False
    drawn, unknown = (_written(np.zeros((2 * LINE_PX, 3 * LINE_PX, 3), np.uint8), x, (255, 255, 255))
                      for x in (character, _NOWHERE))
    return not np.array_equal(drawn, unknown)


def _written(picture: np.ndarray, text: str, color: tuple[int, int, int]) -> np.ndarray:
    """uint8 [H, W, 3] with the text on it, in OpenCV's font."""
    cv2.putText(picture, text, (0, _BASELINE), color, _foreign(), FONT_PX)
    return picture


@lru_cache(maxsize=1)
def _latin() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(FONT_PX)
    assert isinstance(font, ImageFont.FreeTypeFont), "Pillow was built without FreeType"
    return font


@lru_cache(maxsize=1)
def _foreign() -> cv2.FontFace:
    return cv2.FontFace("uni")
