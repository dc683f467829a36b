"""Layers as pictures."""

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.pictures.layers import (
    BACKGROUND_COLOR,
    FULL_COLOR_PX,
    SLOT_COLORS,
    color_displacement,
    color_segmentation,
    join_layers,
    layer_tiles,
    layers_of_clip,
    on_grey,
)


def test_slots_keep_their_colors_and_colors_repeat_after_the_last():
    colored = color_segmentation(np.array([[0, 1, 2, len(SLOT_COLORS) + 1]]))
    wanted = [BACKGROUND_COLOR, SLOT_COLORS[0], SLOT_COLORS[1], SLOT_COLORS[0]]
    np.testing.assert_array_equal(colored[0], wanted)


def test_hidden_objects_are_plain_grey():
    objects = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    shown = on_grey(objects, torch.stack([torch.ones(4, 4), torch.zeros(4, 4)]))
    assert torch.equal(shown[0], objects[0]) and (shown[1] == 0.5).all()


@dataclass
class OneObject:
    """Two clips; object 3 covers row 2 of the second one."""

    displacement: torch.Tensor | None = None
    frames: torch.Tensor = torch.rand(2, 5, 3, 6, 8, generator=torch.Generator().manual_seed(0))

    def __post_init__(self):
        self.background = self.frames.flip(1)
        self.objects = self.frames[:, :, None].expand(2, 5, 4, 3, 6, 8)
        self.alpha = torch.zeros(2, 5, 4, 6, 8)
        self.alpha[1, :, 3, 2] = 1

    def segmentation(self) -> torch.Tensor:
        return self.alpha[:, :, 3].long() * 4


def test_a_clip_becomes_pictures():
    decoded = OneObject()
    layers = layers_of_clip(decoded, 1)
    assert layers.frames.shape == (5, 6, 8, 3) and layers.objects.shape == (5, 4, 6, 8, 3)
    assert np.abs(layers.frames / 255 - decoded.frames[1].movedim(1, 3).numpy()).max() < 0.003
    assert np.array_equal(layers.background, layers.frames[::-1])
    assert (layers.objects[:, :3] == 128).all() and np.array_equal(layers.objects[:, 3, 2], layers.frames[:, 2])
    assert (layers.segmentation[:, 2] == 4).all() and layers.segmentation.sum() == 5 * 8 * 4


def test_what_is_displaced_is_drawn_where_a_model_says_it():
    plain, field = layers_of_clip(OneObject(), 0), torch.zeros(2, 5, 2, 6, 8)
    field[0, 3, 0, 1:3] = FULL_COLOR_PX  # two rows to the right
    moved = layers_of_clip(OneObject(displacement=field), 0)
    names = [[tile.label for tile in layer_tiles(plain.frames[0], layers, 3, "decoded", (0, 0, 0))]
             for layers in (plain, moved)]
    assert names[1] == [*names[0], "motion code"]
    drawn = color_displacement(moved.displacement[3])
    assert (drawn[[0, 3, 4, 5]] == 255).all() and (drawn[1:3] == (255, 0, 0)).all()


def test_parts_of_a_clip_are_joined():
    layers = layers_of_clip(OneObject(displacement=torch.rand(2, 5, 2, 6, 8)), 1)
    parts = [layers.map(lambda images: images[:2]), layers.map(lambda images: images[2:])]
    assert all(np.array_equal(getattr(join_layers(parts), name), value) for name, value in vars(layers).items())
