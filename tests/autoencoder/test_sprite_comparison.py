import pytest
import torch

from pipeline.autoencoder.sprite_comparison import compare, drop_parts
from pipeline.autoencoder.sprites import Sprites, draw_masks
from tests.autoencoder.clips import half_transparent_square

PX = 48


@pytest.fixture
def scene():
    return half_transparent_square(px=PX)


def test_parts_that_move_as_one_become_one(scene):
    _, _, true = scene
    def double(part):
        return Sprites(*(torch.cat([x, part(name, x)], 2 if name in ("centre", "visibility") else 1)
                         for name, x in vars(true).items()))
    part = double(lambda name, x: x + 3.0 if name == "centre" else 0.5 * x if name == "mask" else x)
    assert drop_parts(part).presence.tolist() == [[1, 0]]
    turning = torch.linspace(-2, 2, 12)[None, :, None, None]
    other = double(lambda name, x: x + turning if name == "centre" else 0.5 * x if name == "mask" else x)
    assert drop_parts(other).presence.tolist() == [[1, 1]]


def test_a_double_loses_its_presence_and_only_one_of_the_two(scene):
    frames, background, true = scene
    both = Sprites(*(torch.cat([x, x], 2 if name in ("centre", "visibility") else 1) for name, x in vars(true).items()))
    judged = compare(frames, background[:, None], both, draw_masks(both, PX, PX))
    assert judged.presence.sum() == 1
    judged = compare(frames, background[:, None], judged, draw_masks(judged, PX, PX))
    assert judged.presence.sum() == 1
