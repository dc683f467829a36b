from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from pipeline.autoencoder.sprite_search import _best_place, search
from pipeline.autoencoder.sprites import Sprites, draw_masks, paste
from tests.autoencoder.clips import whole_frames

PX, SIDE, T = 48, 12, 6


def sprites(centre, seed=0):
    """Opaque squares of random colours, drawn in patches of 16 samples of a pixel; centre [T, K, 2]."""
    K = centre.shape[1]
    mask = F.pad(torch.ones(1, K, SIDE, SIDE), (2,) * 4)
    color = torch.rand(1, K, 3, 16, 16, generator=torch.Generator().manual_seed(seed)) * mask[:, :, None]
    ones = torch.ones(1, T, K)
    return Sprites(centre=centre[None].float(), step=torch.ones(1, K), shape=torch.zeros(1, T, K, 3), color=color,
                   mask=mask, seen=mask, visibility=ones, depth=torch.arange(K)[None] * 4.0, presence=ones[:, 0])


def drawn(true, background):
    """Frames [1, T, 3, PX, PX]; later slots are nearer."""
    frames = background.expand(1, T, -1, -1, -1)
    masks, colors = draw_masks(true, PX, PX), paste(true.color, true, whole_frames(true, PX))
    for k in range(masks.shape[2]):
        frames = (1 - masks[:, :, k, None]) * frames + colors[:, :, k]
    return frames


@pytest.fixture
def background():
    return 0.3 * torch.rand(1, 1, 3, PX, PX, generator=torch.Generator().manual_seed(9))


@pytest.mark.parametrize("object_px", [8, 24])
def test_sprites_that_lie_beside_their_objects_are_found(background, object_px):
    """With cells of one and of three pixels."""
    way = torch.stack([torch.linspace(14, 34, T).round(), torch.full([T], 24.0)], -1)
    true = sprites(way[:, None])
    wrong = true.centre.clone()
    wrong[0, 2, 0] += torch.tensor([6.0, -6.0])
    wrong[0, 4, 0] -= torch.tensor([5.0, 0.0])
    found = search(drawn(true, background), background, replace(true, centre=wrong), object_px)
    assert (found.centre - true.centre).abs().max() <= object_px / 8 - 1
    assert torch.equal(found.centre[0, [0, 1, 3, 5]], true.centre[0, [0, 1, 3, 5]])


def test_sprites_that_explain_enough_stay(background):
    """Half a pixel is for small steps; the search of all places has whole pixels alone."""
    true = sprites(torch.full([T, 1, 2], 24.0))
    near = replace(true, centre=true.centre + 0.4)
    assert torch.equal(search(drawn(true, background), background, near, object_px=8).centre, near.centre)


def test_two_that_both_lie_on_one_part_in_both_ways(background):
    """Each is drawn to the object that the other one does not explain, and not both of them to one."""
    centre = torch.tensor([[18.0, 24.0], [30.0, 24.0]]).expand(T, 2, 2)
    true = sprites(centre)
    alike = true.color[:, :1].expand_as(true.color)
    true = replace(true, color=alike)
    wrong = true.centre.clone()
    wrong[0, 3] = torch.tensor([24.0, 24.0])
    found = search(drawn(true, background), background, replace(true, centre=wrong), 2 * SIDE)
    assert (found.centre[0, 3, :, 0].sort().values - true.centre[0, 3, :, 0]).abs().max() <= 2


def test_what_a_nearer_object_covers_says_nothing(background):
    """An object passes behind a nearer one; where that hides it whole, no other place is better."""
    way = torch.stack([torch.linspace(14, 34, T).round(), torch.full([T], 24.0)], -1)
    true = sprites(torch.stack([way, torch.full([T, 2], 24.0)], 1))
    found = search(drawn(true, background), background, true, SIDE)
    assert torch.equal(found.centre, true.centre)


def test_an_object_that_leaves_the_frame_is_followed_over_its_edge(background):
    true = sprites(torch.tensor([3.0, 24.0]).expand(T, 1, 2))
    wrong = replace(true, centre=true.centre + torch.tensor([5.0, 0.0]) * (torch.arange(T) > 3)[:, None, None])
    found = search(drawn(true, background), background, wrong, object_px=8)
    assert torch.equal(found.centre, true.centre)


def test_a_sprite_that_shows_nothing_in_most_frames_is_not_sought(background):
    """It may be a double: its picture is another object's, which another sprite shows."""
    true = sprites(torch.full([T, 1, 2], 24.0))
    frames = drawn(true, background)
    for number, sought in ((2, True), (4, False)):
        wrong = true.centre.clone()
        wrong[0, :number] += 6.0
        found = search(frames, background, replace(true, centre=wrong), object_px=8).centre
        assert torch.equal(found, true.centre if sought else wrong)


def test_an_object_that_is_gone_stays_where_it_was(background):
    """It would do less harm past the frame's edge, but nothing says that it is there."""
    true = sprites(torch.tensor([6.0, 24.0]).expand(T, 1, 2))
    frames = drawn(true, background).clone()
    frames[:, -2:] = background
    assert torch.equal(search(frames, background, true, SIDE).centre, true.centre)


def test_absent_slots_stay(background):
    true = sprites(torch.full([T, 1, 2], 24.0))
    absent = replace(true, centre=true.centre + 6, presence=torch.zeros(1, 1))
    assert torch.equal(search(drawn(true, background), background, absent, SIDE).centre, absent.centre)


def test_what_a_place_takes_away_is_the_squared_error_with_the_layer_there():
    random = torch.Generator().manual_seed(3)
    n, h, w, reach = 3, 14, 17, 3
    rest, frame = (torch.rand(n, 3, h, w, generator=random) for _ in range(2))
    free = torch.rand(n, 1, h, w, generator=random)
    picture = F.pad(torch.rand(n, 4, h - 2 * reach, w - 2 * reach, generator=random), (reach,) * 4)
    most, by = _best_place(frame - rest, rest, free, picture, reach)
    steps = range(-reach, reach + 1)
    taken = {}
    for dy in steps:
        for dx in steps:
            moved = picture.roll((dy, dx), (2, 3))
            shown = moved[:, :3] + (1 - moved[:, 3:]) * rest
            taken[dx, dy] = (free * ((frame - rest) ** 2 - (frame - shown) ** 2)).sum((1, 2, 3))
    for i in range(n):
        place = max(taken, key=lambda place: taken[place][i])  # noqa: B023, called at once
        assert tuple(by[i].tolist()) == place and most[i] == pytest.approx(float(taken[place][i]), abs=1e-3)
