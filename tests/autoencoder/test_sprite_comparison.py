from dataclasses import fields, replace

import pytest
import torch

from pipeline.autoencoder.sprite_comparison import compare, drop_parts, noise
from pipeline.autoencoder.sprites import Sprites, draw_masks, paste
from tests.autoencoder.clips import half_transparent_square, whole_frames

PX = 48


@pytest.fixture
def scene():
    return half_transparent_square(px=PX)


def test_parts_that_move_as_one_become_one(scene):
    _, _, true = scene
    def double(part):
        own = {field.name: getattr(true, field.name) for field in fields(Sprites)}
        return Sprites(*(torch.cat([x, part(name, x)], 2 if name in ("centre", "shape", "visibility") else 1)
                         for name, x in own.items()))
    twin = double(lambda _, x: x)
    assert drop_parts(twin, PX / 4).presence.tolist() == [[1, 0]]
    part = double(lambda name, x: x + 3.0 if name == "centre" else 0.5 * x if name == "mask" else x)
    assert drop_parts(part, PX / 4).presence.tolist() == [[1, 0]]
    turning = torch.linspace(-2, 2, 12)[None, :, None, None]
    other = double(lambda name, x: x + turning if name == "centre" else 0.5 * x if name == "mask" else x)
    assert drop_parts(other, PX / 4).presence.tolist() == [[1, 1]]


RED, DARK_RED, BROWN = (0.8, 0.1, 0.1), (0.4, 0.05, 0.05), (0.6, 0.3, 0.1)


@pytest.mark.parametrize("other, apart, stays, why", [
    (DARK_RED, 4.0, [1, 0], "a shaded side"), (BROWN, 4.0, [1, 1], "of another hue"),
    (DARK_RED, 10.0, [1, 1], "too far for one object"),
])
def test_parts_of_one_hue_become_one_also_where_they_rest(scene, other, apart, stays, why):
    _, _, true = scene
    centre = true.centre[:, :1].repeat(1, true.centre.shape[1], 2, 1) + torch.tensor([[0.0, 0], [apart, 0]])
    mask = torch.cat([true.mask, 0.5 * true.mask], 1)
    color = mask[:, :, None] * torch.tensor([RED, other])[None, :, :, None, None]
    both = replace(
        true, centre=centre, mask=mask, color=color,
        **{name: getattr(true, name).repeat_interleave(2, axis) for name, axis in
           (("step", 1), ("shape", 2), ("seen", 1), ("visibility", 2), ("depth", 1), ("presence", 1))})
    assert drop_parts(both, object_px=12).presence.tolist() == [stays], why
    grey = replace(both, color=both.color[:, :, :1])
    assert drop_parts(grey, object_px=12).presence.tolist() == [[1, 1]], "a grey clip has no hues"


def test_a_double_loses_its_presence_and_only_one_of_the_two(scene):
    _, background, true = scene
    shape = true.mask.ceil()
    true = replace(true, color=shape[:, :, None] * torch.tensor([0.9, 0.2, 0.1]).view(1, 1, 3, 1, 1), mask=shape)
    mask = draw_masks(true, PX, PX)[:, :, 0, None]
    frames = paste(true.color, true, whole_frames(true, PX))[:, :, 0] + (1 - mask) * background[:, None]
    both = true.padded(2)
    both = replace(both, **{name: getattr(true, name).repeat_interleave(2, axis) for name, axis in
                            (("visibility", 2), ("depth", 1), ("presence", 1))})
    judged = compare(frames, background[:, None], both, whole_frames(both, PX), object_px=10)
    assert judged.presence.sum() == 1
    judged = compare(frames, background[:, None], judged, whole_frames(judged, PX), object_px=10)
    assert judged.presence.sum() == 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("contrast, stays", [(0.1, 1), (0.02, 0)])
def test_what_an_object_must_differ_grows_with_the_noise_and_not_with_the_channels(channels, contrast, stays):
    _, _, true = half_transparent_square(px=PX)
    generator, background = torch.Generator().manual_seed(0), torch.full((1, 1, channels, PX, PX), 0.4)
    shape = true.mask.ceil()
    color = (shape * (0.4 + contrast))[:, :, None].repeat(1, 1, channels, 1, 1)
    sprites = replace(true, color=color, mask=shape)
    mask = draw_masks(sprites, PX, PX)
    drawn = paste(sprites.color, sprites, whole_frames(sprites, PX))[:, :, 0]
    frames = drawn + (1 - mask[:, :, 0, None]) * background
    frames = frames + 0.03 * torch.randn(frames.shape, generator=generator)
    assert noise(frames, background).item() == pytest.approx(0.03, rel=0.1)
    assert compare(frames, background, sprites, whole_frames(sprites, PX), object_px=10).presence.sum() == stays
