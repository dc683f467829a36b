import pytest
import torch

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.camera import light
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.sprites import draw_masks
from tests.autoencoder.clips import line, moving_pictures, moving_squares

PARAMS = ProposalParams(num_slots=3, object_px=16, patch_dim=24, canvas_margin=0)
RED, CYAN = torch.tensor([0.9, 0.1, 0.1]), torch.tensor([0.1, 0.9, 0.9])


def present_slots(proposals):
    return proposals.sprites.presence[0].nonzero()[:, 0].tolist()


def slot_of(proposals, color):
    """The present slot whose picture is nearest to a colour."""
    sprites = proposals.sprites
    mean = sprites.color.sum((3, 4)) / sprites.mask.sum((2, 3))[..., None].clamp(min=1e-3)
    return min(present_slots(proposals), key=lambda k: (mean[0, k] - color).square().sum().item())


def overlap(mask, truth):
    return ((mask > 0.5) & truth).sum() / ((mask > 0.5) | truth).sum()


def test_one_object_is_found_to_a_fraction_of_a_pixel():
    track = line((6, 20), (2, 1), 16)
    frames, background, segmentation = moving_squares(track[:, None], RED[None])
    proposals = propose(frames, PARAMS)
    (slot,) = present_slots(proposals)
    assert (proposals.sprites.centre[0, :, slot] - (track + 7)).abs().max() < 0.3
    assert overlap(draw_masks(proposals.sprites, 64, 64)[0, :, slot], segmentation == 1) > 0.95
    assert (proposals.background[0] - background).abs().max() < 0.05


def test_objects_of_any_size_are_found_in_one_clip():
    """One of the size that is asked for, and one two and a half times as wide."""
    tracks = torch.stack([line((74, 4), (-3, 0.4), 20), line((2, 44), (2.6, -0.5), 20)], 1)
    large, small = torch.ones(40, 40), torch.ones(16, 16)
    large[8:32, 8:20], small[4:8, 4:12] = 0.5, 0.6
    proposals = propose(moving_pictures(tracks, [small, large], px=96), PARAMS)
    first, second = present_slots(proposals)
    areas = (proposals.sprites.mask.sum((2, 3)) * proposals.sprites.step.square())[0]
    smaller, larger = (first, second) if areas[first] < areas[second] else (second, first)
    for slot, side, corners in ((smaller, 16, tracks[:, 0]), (larger, 40, tracks[:, 1])):
        assert areas[slot].item() == pytest.approx(side**2, rel=0.1)
        assert (proposals.sprites.centre[0, :, slot] - corners.round() - side / 2).norm(dim=-1).median() < 1


def test_slow_object_does_not_hide_in_the_background():
    track = line((20, 20), (1, 0), 16)
    frames, background, segmentation = moving_squares(track[:, None], RED[None])
    proposals = propose(frames, PARAMS)
    (slot,) = present_slots(proposals)
    assert overlap(draw_masks(proposals.sprites, 64, 64)[0, :, slot], segmentation == 1) > 0.9


def test_crossing_objects_keep_their_slots_and_their_order():
    tracks = torch.stack([line((2, 24), (3, 0), 16), line((47, 28), (-3, 0), 16)], 1)
    frames, _, segmentation = moving_squares(tracks, torch.stack([RED, CYAN]))
    proposals = propose(frames, PARAMS)
    assert len(present_slots(proposals)) == 2
    red, cyan = slot_of(proposals, RED), slot_of(proposals, CYAN)
    assert (proposals.sprites.centre[0, :, red] - (tracks[:, 0] + 7)).abs().max() < 1
    assert (proposals.sprites.centre[0, :, cyan] - (tracks[:, 1] + 7)).abs().max() < 1
    assert proposals.sprites.depth[0, cyan] > proposals.sprites.depth[0, red] + 2


@pytest.mark.parametrize("num_frames", [10, 16])
def test_a_thin_stroke_that_passes_over_another_object_is_drawn_whole(num_frames):
    y, x = torch.meshgrid(torch.arange(18.0), torch.arange(8.0), indexing="ij")
    stroke, ring = (1.3 - (x - 6 + y / 3.5).abs()).clamp(0, 1), torch.ones(16, 16)
    ring[3:13, 3:13] = 0
    speed = 36 / num_frames
    tracks = torch.stack([line((20, 2), (1, speed), num_frames), line((6, 30), (speed, -0.8), num_frames)], 1)
    middles = tracks + torch.tensor([[4.0, 9], [8, 8]])
    params = ProposalParams(num_slots=2, object_px=20, patch_dim=28, canvas_margin=0)
    sprites = propose(moving_pictures(tracks, [stroke, ring]), params).sprites
    assert sprites.presence.tolist() == [[1, 1]]
    area = sprites.mask[0].sum((1, 2)) * sprites.step[0].square()
    thin = int(area.argmin())
    # reading between pixels makes a stroke of 2.6 px wider
    for middle, picture, slot, most in ((middles[:, 0], stroke, thin, 1.25), (middles[:, 1], ring, 1 - thin, 1.2)):
        assert 0.8 < area[slot] / picture.sum() < most
        off = (sprites.centre[0, :, slot] - middle).norm(dim=-1)
        assert off.median() < 0.8 and off.max() < 4


def test_what_rests_throughout_is_an_object_before_a_known_scene_alone():
    """Beside a square that moves, two that touch and rest."""
    tracks = torch.stack([line((2, 4), (3, 0), 10), line((20, 40), (0, 0), 10), line((34, 40), (0, 0), 10)], 1)
    frames, background, segmentation = moving_squares(tracks, torch.stack([RED, CYAN, RED.flip(0)]))
    scene = torch.cat([background, torch.ones(1, 64, 64)])[None]
    unknown, known = propose(frames, PARAMS), propose(frames, PARAMS, scene)
    assert len(present_slots(unknown)) == 1 and len(present_slots(known)) == 3
    assert (known.background[0] - background).abs().max() < 0.05 and (known.background_seen == 1).all()
    masks = draw_masks(known.sprites, 64, 64)[0]
    for number in (1, 2, 3):
        assert max(overlap(masks[:, slot], segmentation == number) for slot in present_slots(known)) > 0.8


@pytest.mark.parametrize("seed", [3, 5, 8])
def test_pictures_of_what_rests_do_not_take_in_their_neighbours(seed):
    """Three shaded discs that touch before a plain wall, which is known."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(torch.arange(64) + 0.5, torch.arange(64) + 0.5, indexing="ij")
    background, segmentation = torch.full((3, 64, 64), 0.6), torch.zeros(64, 64)
    picture, colors = background, 0.6 * torch.rand(3, 3, generator=generator)
    for number, (left, top) in enumerate(((24, 24), (35, 30), (22, 36)), 1):
        right, down = (x - left) / 7.5, (y - top) / 7.5
        inside = right.square() + down.square() < 1
        shaded = colors[number - 1][:, None, None] * (1 - 0.3 * (right + down).clamp(-1, 1))
        picture, segmentation = torch.where(inside, shaded, picture), torch.where(inside, number, segmentation)
    frames = picture.repeat(1, 20, 1, 1, 1)
    frames = (frames + 0.01 * torch.randn(frames.shape, generator=generator)).clamp(0, 1)
    scene = torch.cat([background, torch.ones(1, 64, 64)])[None]
    known = propose(frames, PARAMS.model_copy(update={"num_slots": 4}), scene)
    masks = draw_masks(known.sprites, 64, 64)[0, 0]
    for number in (1, 2, 3):
        assert max(overlap(masks[slot], segmentation == number) for slot in present_slots(known)) > 0.8


def test_object_that_stops_stays_an_object():
    track = torch.cat([line((4, 30), (3, 0), 8), line((25, 30), (0, 0), 8)])
    frames, _, segmentation = moving_squares(track[:, None], RED[None])
    proposals = propose(frames, PARAMS)
    (slot,) = present_slots(proposals)
    assert overlap(draw_masks(proposals.sprites, 64, 64)[0, 12:, slot], segmentation[12:] == 1) > 0.9


def test_object_that_appears_halfway_is_hidden_before():
    track = line((4, 30), (2, 0), 16)
    track[:6] = torch.tensor([-100.0, -100.0])
    frames, _, _ = moving_squares(track[:, None], RED[None])
    proposals = propose(frames, PARAMS)
    visibility = proposals.sprites.visibility[0, :, slot_of(proposals, RED)]
    assert (visibility[:5] < 0.2).all() and (visibility[7:] > 0.8).all()


def test_brightness_drift_is_light_not_objects():
    track = line((6, 20), (2, 1), 16)
    frames, background, _ = moving_squares(track[:, None], RED[None])
    gain = torch.linspace(0.8, 1.1, 16)
    proposals = propose(frames * gain[None, :, None, None, None], PARAMS)
    assert len(present_slots(proposals)) == 1
    lit = light(proposals.background[:, None], proposals.camera)[0]
    assert (lit - background * gain[:, None, None, None]).abs().mean() < 0.01


@pytest.mark.parametrize("frames", [
    torch.zeros(1, 8, 3, 64, 64), torch.ones(1, 2, 3, 64, 64), torch.rand(1, 1, 3, 16, 24).expand(1, 5, 3, 16, 24),
    torch.rand(1, 3, 1, 33, 65),
], ids=["black", "white", "still", "noise, odd and grey"])
def test_clips_without_objects_give_finite_numbers(frames):
    proposals = propose(frames, PARAMS)
    sprites = proposals.sprites
    for tensor in (proposals.background, proposals.camera, sprites.centre, sprites.step, sprites.color, sprites.mask,
                   sprites.visibility, sprites.depth):
        assert torch.isfinite(tensor).all()


def test_still_clip_has_no_object():
    assert present_slots(propose(torch.rand(1, 1, 3, 64, 64).expand(1, 10, 3, 64, 64), PARAMS)) == []


def test_result_of_a_clip_does_not_depend_on_its_neighbours():
    first, _, _ = moving_squares(line((6, 20), (2, 1), 10)[:, None], RED[None])
    second, _, _ = moving_squares(line((30, 4), (0, 3), 10)[:, None], CYAN[None], seed=1)
    alone, together = propose(first, PARAMS), propose(torch.cat([second, first]), PARAMS)
    assert torch.equal(alone.sprites.centre[0], together.sprites.centre[1])
    assert torch.equal(alone.background[0], together.background[1])
