from dataclasses import replace

import pytest
import torch

from pipeline.autoencoder import sprites as sprite_fit
from pipeline.autoencoder.sprites import BOX_MARGIN, Sprites

T, P, PX = 12, 16, 48


@pytest.fixture
def scene():
    """Frames of a half-transparent red square over a varied background, and the sprite that is true of them."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(1, 3, 7, 7, generator=generator)
    background = torch.nn.functional.interpolate(coarse, size=(PX, PX), mode="bilinear", align_corners=True)
    alpha = torch.zeros(1, 1, P, P)
    alpha[..., 3:13, 3:13] = 1
    alpha[..., 6:10, 6:10] = 0.5
    color = alpha[:, :, None] * torch.tensor([0.9, 0.2, 0.1]).view(1, 1, 3, 1, 1)
    centre = torch.stack([torch.linspace(10, 38, T), torch.linspace(14, 30, T)], -1)[None, :, None].round()
    true = Sprites(
        centre=centre, step=torch.ones(1, 1), color=color, alpha=alpha, seen=torch.ones(1, 1, P, P),
        visibility=torch.ones(1, T, 1), depth=torch.zeros(1, 1), presence=torch.ones(1, 1),
    )
    mask = sprite_fit.masks(true, PX, PX)
    drawn = sprite_fit.paste(true.color, true, PX, PX)[:, :, 0]
    return drawn + (1 - mask[:, :, 0, None]) * background[:, None], background, true


def look(frames, background, sprites):
    free = torch.ones(1, T, sprites.presence.shape[1], PX, PX)
    return sprite_fit.look(frames, background[:, None].expand_as(frames), free, sprites)


def test_picture_and_mask_follow_from_the_frames(scene):
    frames, background, true = scene
    blank = replace(true, color=torch.zeros_like(true.color), alpha=torch.zeros_like(true.alpha))
    fitted = sprite_fit.fit_picture(look(frames, background, blank), blank)
    inside = true.alpha == 1
    assert (fitted.alpha[inside] > 0.85).float().mean() > 0.95
    assert (fitted.alpha[true.alpha == 0] < 0.15).float().mean() > 0.95
    assert (fitted.color - true.color).abs().mean() < 0.02


def test_a_step_brings_a_track_back(scene):
    frames, background, true = scene
    off = replace(true, centre=true.centre + torch.tensor([0.8, -0.6]))
    for _ in range(4):
        off = sprite_fit.refine_track(look(frames, background, off), off)
    assert (off.centre - true.centre).abs().max() < 0.15


def test_visibility_says_where_the_object_is_missing(scene):
    frames, background, true = scene
    frames = frames.clone()
    frames[:, 7:] = background[:, None]
    visibility = sprite_fit.fit_visibility(look(frames, background, true), true).visibility[0, :, 0]
    assert (visibility[:6] > 0.9).all() and (visibility[8:] < 0.1).all()


def test_normalise_centres_and_scales_the_box(scene):
    _, _, true = scene
    shifted = replace(true, alpha=true.alpha.roll((2, 1), (-2, -1)), step=torch.full((1, 1), 2.0))
    fitted = sprite_fit.normalise(shifted)
    torch.testing.assert_close(fitted.centre, true.centre + torch.tensor([2.0, 4.0]), atol=0.3, rtol=0)
    torch.testing.assert_close(fitted.step * P, torch.full((1, 1), 10 * 2 * BOX_MARGIN), atol=1.0, rtol=0)


def test_edges_on_black_are_half_covered_rather_than_grey(scene):
    frames, _, true = scene
    alpha = true.alpha.clone()
    alpha[..., 3:13, 3:13] = 0.5
    alpha[..., 4:12, 4:12] = 1
    white = replace(true, alpha=alpha, color=alpha[:, :, None].expand_as(true.color))
    black = torch.zeros(1, 3, PX, PX)
    frames = sprite_fit.paste(white.color, white, PX, PX)[:, :, 0]
    fitted = sprite_fit.fit_picture(look(frames, black, white), white)
    assert (fitted.alpha[alpha == 1] > 0.9).all()
    assert (fitted.alpha[alpha == 0.5] - 0.5).abs().mean() < 0.1


def test_parts_that_move_as_one_become_one(scene):
    _, _, true = scene
    def double(part):
        return Sprites(*(torch.cat([x, part(name, x)], 2 if name in ("centre", "visibility") else 1)
                         for name, x in vars(true).items()))
    part = double(lambda name, x: x + 3.0 if name == "centre" else 0.5 * x if name == "alpha" else x)
    assert sprite_fit.drop_parts(part).presence.tolist() == [[1, 0]]
    turning = torch.linspace(-2, 2, T)[None, :, None, None]
    other = double(lambda name, x: x + turning if name == "centre" else 0.5 * x if name == "alpha" else x)
    assert sprite_fit.drop_parts(other).presence.tolist() == [[1, 1]]


def test_a_track_that_is_mistaken_for_a_while_flies_on(scene):
    frames, background, true = scene
    off = replace(true, centre=true.centre.clone())
    off.centre[:, 5:8] += 8
    step = sprite_fit.refine_track(look(frames, background, off), off)
    steady = sprite_fit.refine_track(look(frames, background, off), off, steadily=True)
    wrong, left = ((sprites.centre - true.centre)[:, 5:8].norm(dim=-1).mean() for sprites in (step, steady))
    assert left < 0.6 * wrong
    assert (steady.centre - true.centre)[:, 9:].abs().max() < 0.5


def test_a_double_loses_its_presence_and_only_one_of_the_two(scene):
    frames, background, true = scene
    both = Sprites(*(torch.cat([x, x], 2 if name in ("centre", "visibility") else 1) for name, x in vars(true).items()))
    judged = sprite_fit.compare(frames, background[:, None], both, sprite_fit.masks(both, PX, PX))
    assert judged.presence.sum() == 1
    judged = sprite_fit.compare(frames, background[:, None], judged, sprite_fit.masks(judged, PX, PX))
    assert judged.presence.sum() == 1
