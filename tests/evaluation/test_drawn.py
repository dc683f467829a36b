"""Drawing a few frames at a time."""

import numpy as np
import pytest
import torch

from pipeline.evaluation import drawn
from pipeline.frames.pixels import to_uint8
from pipeline.latents.latents import Latents, concatenate
from pipeline.pictures.layers import layers_of_clip
from tests.evaluation.test_evidence import NUM_FRAMES, SIDE, Drawn, decode, squares

CLIPS = concatenate([squares(level, 8 + 20 * level) for level in (0.2, 0.4, 0.6, 0.8)])
PIXELS_PER_FRAME = 2 * SIDE**2  # slots


@pytest.mark.parametrize(("frames_at_once", "wanted"), [
    (100, [(4, 4)]), (9, [(2, 4), (2, 4)]), (4, 4 * [(1, 4)]), (3, 4 * [(1, 3), (1, 1)]), (0, 16 * [(1, 1)]),
])
def test_parts_are_as_large_as_they_may_be_and_make_the_whole(monkeypatch, frames_at_once, wanted):
    monkeypatch.setattr("pipeline.latents.parts.PIXELS_AT_ONCE", frames_at_once * PIXELS_PER_FRAME)
    asked = []

    def decode_part(latents: Latents) -> Drawn:
        asked.append((len(latents), latents.num_frames))
        return decode(latents)

    made, whole = drawn.draw(decode_part, CLIPS, SIDE, SIDE), decode(CLIPS)
    assert asked == wanted
    np.testing.assert_array_equal(made.frames, to_uint8(whole.frames))
    np.testing.assert_array_equal(made.background, to_uint8(whole.background))
    np.testing.assert_array_equal(made.segmentation, whole.segmentation())
    assert made.frames.shape == (4, NUM_FRAMES, SIDE, SIDE, 1) and made.segmentation.any()


def test_layers_drawn_in_parts_are_those_of_the_clip(monkeypatch):
    def decode_with_objects(latents: Latents) -> Drawn:
        made = decode(latents)
        objects = torch.ones(*made.mask.shape[:3], 1, SIDE, SIDE) * latents.appearance[:, None, :, :1, None, None]
        for name, value in {"objects": objects, "alpha": made.mask}.items():
            object.__setattr__(made, name, value)
        return made

    one = CLIPS.map(lambda code: code[:1])
    monkeypatch.setattr("pipeline.latents.parts.PIXELS_AT_ONCE", PIXELS_PER_FRAME)
    made, whole = drawn.draw_layers(decode_with_objects, one, SIDE, SIDE), layers_of_clip(decode_with_objects(one), 0)
    for name in ("frames", "background", "objects", "segmentation"):
        np.testing.assert_array_equal(getattr(made, name), getattr(whole, name))


def test_clips_are_looked_at_together_as_far_as_they_are_small():
    assert drawn.most_together(16, 1000) == 16
    assert drawn.most_together(16, drawn.VIDEO_VALUES_AT_ONCE // 3) == 3
    assert drawn.most_together(16, drawn.VIDEO_VALUES_AT_ONCE * 5) == 1
