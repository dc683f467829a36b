from dataclasses import replace

import pytest
import torch

from pipeline.autoencoder import sprite_fit
from pipeline.autoencoder.sprites import paste
from tests.autoencoder.clips import half_transparent_square, whole_frames

T, P, PX = 12, 16, 48


@pytest.fixture
def scene():
    return half_transparent_square(T, P, PX)


def look(frames, background, sprites):
    free = torch.ones(1, T, sprites.presence.shape[1], PX, PX)
    return sprite_fit.look(frames, background[:, None], free, sprites, whole_frames(sprites, PX))


def test_picture_and_mask_follow_from_the_frames(scene):
    frames, background, true = scene
    blank = replace(true, color=torch.zeros_like(true.color), mask=torch.zeros_like(true.mask))
    fitted = sprite_fit.fit_picture(look(frames, background, blank), blank)
    inside = true.mask == 1
    assert (fitted.mask[inside] > 0.85).float().mean() > 0.95
    assert (fitted.mask[true.mask == 0] < 0.15).float().mean() > 0.95
    assert (fitted.color - true.color).abs().mean() < 0.02


def test_a_few_corrections_bring_a_track_back(scene):
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


def test_edges_on_black_are_half_covered_rather_than_grey(scene):
    frames, _, true = scene
    mask = true.mask.clone()
    mask[..., 3:13, 3:13] = 0.5
    mask[..., 4:12, 4:12] = 1
    white = replace(true, mask=mask, color=mask[:, :, None].expand_as(true.color))
    black = torch.zeros(1, 3, PX, PX)
    frames = paste(white.color, white, whole_frames(white, PX))[:, :, 0]
    fitted = sprite_fit.fit_picture(look(frames, black, white), white)
    assert (fitted.mask[mask == 1] > 0.9).all()
    assert (fitted.mask[mask == 0.5] - 0.5).abs().mean() < 0.1


def test_a_track_that_is_mistaken_for_a_while_flies_on(scene):
    frames, background, true = scene
    off = replace(true, centre=true.centre.clone())
    off.centre[:, 5:8] += 8
    each = sprite_fit.refine_track(look(frames, background, off), off)
    steady = sprite_fit.refine_track(look(frames, background, off), off, steadily=True)
    wrong, left = ((sprites.centre - true.centre)[:, 5:8].norm(dim=-1).mean() for sprites in (each, steady))
    assert left < 0.6 * wrong
    assert (steady.centre - true.centre)[:, 9:].abs().max() < 0.5
