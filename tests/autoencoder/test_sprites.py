from dataclasses import replace

import pytest
import torch

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprites import cut, draw_masks, normalise, paste
from tests.autoencoder.clips import half_transparent_square, whole_frames

T, P, PX = 12, 16, 48


@pytest.fixture
def scene():
    return half_transparent_square(T, P, PX)


def test_what_is_drawn_is_cut_out_again(scene):
    _, _, true = scene
    again = cut(paste(true.picture, true, whole_frames(true, PX)), true, whole_frames(true, PX))
    torch.testing.assert_close(again[:, :, 0], true.picture.expand(T, -1, -1, -1, -1)[None, :, 0])
    assert true.picture.shape == (1, 1, 4, P, P) and torch.equal(true.picture[:, :, -1], true.mask)


def test_masks_show_visible_and_present_objects_only(scene):
    _, _, true = scene
    hidden = replace(true, visibility=true.visibility * (torch.arange(T) < 5)[:, None])
    assert (draw_masks(hidden, PX, PX).sum((2, 3, 4)) > 0)[0].tolist() == [True] * 5 + [False] * 7
    assert draw_masks(replace(true, presence=torch.zeros(1, 1)), PX, PX).sum() == 0


def test_patches_move_by_their_own_samples(scene):
    _, _, true = scene
    coarse = replace(true, step=torch.full((1, 1), 2.0)).moved(torch.tensor([1.0, -3.0]).expand(1, 1, 1, 2))
    assert torch.equal(coarse.centre, true.centre + torch.tensor([2.0, -6.0]))


def test_empty_slots_follow_the_fitted_ones(scene):
    _, _, true = scene
    padded = true.padded(3)
    assert padded.presence.tolist() == [[1, 0, 0]] and padded.visibility[..., 1:].sum() == 0
    assert torch.equal(padded.centre, true.centre.expand(1, T, 3, 2)) and padded.mask.shape == (1, 3, P, P)


def test_normalise_centres_and_scales_the_box(scene):
    _, _, true = scene
    shifted = replace(true, mask=true.mask.roll((2, 1), (-2, -1)), step=torch.full((1, 1), 2.0))
    fitted = normalise(shifted)
    torch.testing.assert_close(fitted.centre, true.centre + torch.tensor([2.0, 4.0]), atol=0.3, rtol=0)
    side = torch.full((1, 1), 10 * 2 * DISCOVERY.sprites.box_margin)
    torch.testing.assert_close(fitted.step * P, side, atol=1.0, rtol=0)
    # each mask is drawn where it was, at the resolution that its patch now has
    before, after = (draw_masks(sprites, PX, PX) for sprites in (shifted, fitted))
    assert (after - before).abs().mean() < 0.1 * before.mean()


def test_slots_may_be_taken_from_others(scene):
    _, _, true = scene
    both = true.padded(2)
    other = replace(both, centre=both.centre + 5, mask=both.mask / 2)
    mixed = both.where(torch.tensor([[False, True]]), other)
    assert torch.equal(mixed.centre[:, :, 0], both.centre[:, :, 0])
    assert torch.equal(mixed.centre[:, :, 1], other.centre[:, :, 1])
    assert torch.equal(mixed.mask[:, 0], both.mask[:, 0]) and torch.equal(mixed.mask[:, 1], other.mask[:, 1])
