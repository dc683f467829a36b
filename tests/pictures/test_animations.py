"""Animations and sheets: which frame is shown where, and when."""

from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from pipeline.optical_flow import flow_forecast
from pipeline.pictures.animations import forecast_animation, layers_animation, write_animations
from pipeline.pictures.grid import CONTEXT, FORECAST
from pipeline.pictures.layers import Layers
from pipeline.pictures.sheets import forecast_sheet, layers_sheet

CONTEXT_FRAMES, HORIZON = 3, 4


def frames_of(*values: int) -> np.ndarray:
    """Frames of 64 x 64 px, each of one grey value."""
    return np.broadcast_to(np.array(values, dtype=np.uint8).reshape(-1, 1, 1, 1), (len(values), 64, 64, 3))


TARGET = frames_of(*range(10, 17))
PREDICTIONS = np.stack([frames_of(*range(start, start + 4)) for start in (50, 90)])
STRAIGHT_ON = frames_of(*range(200, 204))
SIDE, LABEL_PX, GAP_PX = 256, 18, 8
LAYERS = Layers(
    frames_of(*range(100, 107)), frames_of(*range(120, 127)), np.stack([frames_of(*range(140, 147))] * 2, 1),
    np.zeros((7, 64, 64), dtype=int), np.zeros((7, 0, 64, 64), np.float32),
)


def tile_values(drawing: np.ndarray) -> list[int]:
    """The grey value in the middle of each tile of a drawing, in reading order; tiles are framed by 3 px."""
    values, step = [], SIDE + 6 + GAP_PX
    for y in range(GAP_PX + 2 * LABEL_PX + 3 + SIDE // 2, drawing.shape[0], step + LABEL_PX):
        row = drawing[y].astype(int)
        changes = np.flatnonzero(np.r_[True, (np.diff(row, axis=0) != 0).any(1), True])
        values += [int(row[start, 0]) for start, stop in pairwise(changes) if stop - start == SIDE]
    return values


def error(found: int, truth: int) -> int:
    """White where they are alike, black from two fifths of the range on."""
    return int(255 * (1 - (found - truth) / (0.4 * 255)))


@pytest.mark.parametrize(("t", "shown"), [
    (0, [10, 10, 255, *[10] * 5]), (2, [12, 12, 255, *[12] * 5]),
    (3, [13, 70, error(70, 13), 50, 90, 200, 12, 12]), (6, [16, 73, error(73, 16), 53, 93, 203, 12, 12]),
])
def test_forecast_shows_truth_samples_and_baselines_at_their_time(t, shown):
    assert (flow_forecast(TARGET[:3], 1) == 12).all()
    drawings = forecast_animation(TARGET, PREDICTIONS, STRAIGHT_ON, CONTEXT_FRAMES, "clip")
    assert len(drawings) == 7 and tile_values(drawings[t]) == shown


def test_without_a_known_future_there_is_no_truth():
    drawings = forecast_animation(TARGET[:CONTEXT_FRAMES], PREDICTIONS, STRAIGHT_ON, CONTEXT_FRAMES, "clip")
    assert tile_values(drawings[5]) == [72, 52, 92, 202, 12, 12]


def test_a_single_sample_has_no_mean_but_an_error():
    drawings = forecast_animation(TARGET, PREDICTIONS[:1], STRAIGHT_ON, CONTEXT_FRAMES, "clip")
    assert tile_values(drawings[3]) == [13, 50, error(50, 13), 200, 12, 12]


def test_edges_tell_given_from_forecast_frames():
    drawings = layers_animation(TARGET, LAYERS, CONTEXT_FRAMES, "clip")
    has = [[(drawing == color).all(2).any() for color in (CONTEXT, FORECAST)] for drawing in drawings]
    assert has == [[True, False]] * CONTEXT_FRAMES + [[False, True]] * HORIZON


def test_layers_are_in_order():
    drawings = layers_animation(TARGET, LAYERS, CONTEXT_FRAMES, "clip")
    assert tile_values(drawings[4]) == [14, 104, 124, 144, 144, 45]
    assert tile_values(layers_animation(TARGET[:3], LAYERS, CONTEXT_FRAMES, "clip")[4])[0] == 12


def test_sheets_show_every_forecast_under_the_truth():
    sheet = forecast_sheet(TARGET[:3], TARGET[3:], {"prediction": PREDICTIONS[0], "copy last": TARGET[3:]}, "clip")
    values = set(np.unique(sheet[..., 0]))
    assert {11, 12, 13, 16, 50, 53, error(50, 13)} <= values and 10 not in values
    values = set(np.unique(layers_sheet(TARGET, LAYERS, "clip")[..., 0]))
    assert {10, 16, 100, 106, 120, 140, 146} <= values


@pytest.mark.parametrize(("given", "edges"), [(None, set()), (3, {CONTEXT, FORECAST}), (7, {CONTEXT})])
def test_a_sheet_of_layers_tells_given_from_forecast_frames(given, edges):
    sheet = layers_sheet(None, LAYERS, "clip", given)
    assert {color for color in (CONTEXT, FORECAST) if (sheet == color).all(2).any()} == edges


def test_animations_are_written_twice_and_alike(tmp_path):
    drawings = forecast_animation(TARGET, PREDICTIONS, STRAIGHT_ON, CONTEXT_FRAMES, "clip")
    for name in ("one", "two"):
        write_animations(tmp_path, name, drawings, 10)
    for suffix in ("gif", "mp4"):
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    with Image.open(tmp_path / "one.gif") as animation:
        assert animation.n_frames == 7
