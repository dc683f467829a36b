"""Names of videos in pictures: readable in whatever script, the same bytes everywhere, never boxes."""

import numpy as np
import pytest
from PIL import Image

from pipeline.pictures.grid import Tile, draw_grid
from pipeline.pictures.lettering import plain, width_of, write


def drawn(text: str) -> np.ndarray:
    canvas = Image.new("RGB", (400, 24), (255, 255, 255))
    write(canvas, (4, 2), text, (0, 0, 0))
    return np.asarray(canvas)


@pytest.mark.parametrize("name", ["手话", "прыжок", "ημέρα", "동영상", "日本語", "שלום"])
def test_every_character_of_other_scripts_looks_its_own_way(name):
    assert plain(name) == name
    pictures = [drawn(character) for character in dict.fromkeys(name)]
    assert all((picture < 128).any() for picture in pictures), "nothing is drawn"
    assert len({picture.tobytes() for picture in pictures}) == len(pictures), "all alike, as boxes are"


def test_what_no_font_has_is_written_as_its_number():
    assert plain("हि.mp4") == "U+0939U+093F.mp4" and plain("a\x07b") == "aU+0007b"


def test_accents_and_spaces_as_file_systems_write_them():
    assert plain("e\u0301te\u0301\u202f1\u3000.mov") == "été 1 .mov"


def test_names_in_latin_letters_are_drawn_as_ever():
    assert width_of("clip 7 from frame 10") == width_of("clip 7 from frame 1") + width_of("0")
    assert not np.array_equal(drawn("clip 7"), drawn("clip 8"))


def test_a_title_in_another_script_is_drawn_over_the_tiles():
    tile = [[Tile(np.full((64, 64, 3), 90, np.uint8))]]
    blank, titled, other = (draw_grid(tile, title=title)[:20] for title in (" ", "手话.mkv", "话手.mkv"))
    assert blank.shape == titled.shape and (titled < 128).any() and not np.array_equal(titled, other)
