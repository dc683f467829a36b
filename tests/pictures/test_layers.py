"""Layers as pictures."""

from dataclasses import dataclass

import numpy as np
import torch

from pipeline.pictures.layers import BACKGROUND_COLOR, SLOT_COLORS, color_segmentation, layers_of_clip, on_grey


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
