import pytest
import torch

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.meetings import keep_identities
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.tracking import Tracks, look_coarsely
from tests.autoencoder.clips import line, moving_pictures

RING, BAR = torch.ones(16, 16), torch.ones(16, 5)
RING[4:12, 4:12] = 0
SEVEN = torch.zeros(18, 12)
SEVEN[:4], SEVEN[:, 8:] = 1, 1
T, CELL = 16, 2


def tracked(frames, middles):
    """Tracks that know where everything is (`middles` [T, 2, 2] px), and the clip on the discovery grid."""
    cells = look_coarsely(frames, torch.zeros_like(frames[:, :1]), object_px=16)
    centre = middles[None] / CELL
    grid = torch.arange(32) + 0.5
    x, y = centre[..., 0, None, None], centre[..., 1, None, None]
    likely = torch.exp(-((grid - x).square() + (grid[:, None] - y).square()) / 20) * cells.moving[:, :, None]
    responsibility = likely / likely.sum(2, keepdim=True).clamp(min=1e-3)
    return Tracks(centre, responsibility, color=torch.ones(1, 2, 1), size=torch.ones(1, 2)), cells


def tails_exchanged(tracks, frame):
    order = torch.where(torch.arange(T)[:, None] < frame, torch.tensor([0, 1]), torch.tensor([1, 0]))[None]
    centre = tracks.centre.gather(2, order[..., None].expand_as(tracks.centre))
    index = order[..., None, None].expand_as(tracks.responsibility)
    return tracks._replace(centre=centre, responsibility=tracks.responsibility.gather(2, index))


def check_same(found, wanted):
    """Up to the names of the slots."""
    flipped = wanted._replace(centre=wanted.centre.flip(2), responsibility=wanted.responsibility.flip(2))
    closest = min((wanted, flipped), key=lambda tracks: (tracks.centre - found.centre).abs().sum())
    # when they lie on one another it does not matter
    together = (wanted.centre[:, :, 0] - wanted.centre[:, :, 1]).norm(dim=-1) < 2.5
    assert torch.equal(found.centre[~together], closest.centre[~together])
    assert torch.equal(found.responsibility[~together], closest.responsibility[~together])


@pytest.mark.parametrize("exchanged", [False, True])
def test_twins_that_cross_fly_on_as_they_came(exchanged):
    corners = torch.stack([line((2, 14), (2.6, 1), T), line((42, 30), (-2.6, -0.8), T)], 1)
    tracks, cells = tracked(moving_pictures(corners, [RING, RING]), corners + 8)
    check_same(keep_identities(tails_exchanged(tracks, 8) if exchanged else tracks, torch.ones(1, 2), cells), tracks)


@pytest.mark.parametrize("exchanged", [False, True])
def test_looks_tell_objects_apart_that_turn_back_where_they_meet(exchanged):
    there = torch.stack([line((4, 22), (2, 0), T // 2), line((40, 22), (-2, 0), T // 2)], 1)
    corners = torch.cat([there, there.flip(0)])
    middles = corners + torch.tensor([[8, 8], [2.5, 8]])
    tracks, cells = tracked(moving_pictures(corners, [RING, BAR]), middles)
    check_same(keep_identities(tails_exchanged(tracks, 8) if exchanged else tracks, torch.ones(1, 2), cells), tracks)


def test_a_long_clip_is_as_good_as_a_short_one():
    corners = torch.stack([line((2, 14), (0.13, 0), 320), line((2, 29), (0.13, 0), 320)], 1)
    tracks, cells = tracked(moving_pictures(corners, [RING, RING]), corners + 8)
    check_same(keep_identities(tracks, torch.ones(1, 2), cells), tracks)


def test_two_slots_on_one_object_are_left_alone():
    corners = torch.stack([line((2, 14), (2.6, 1), T), line((42, 30), (-2.6, -0.8), T)], 1)
    middles = corners[:, :1] + 8 + torch.tensor([[-3.0, 0.0], [3.0, 0.0]])
    tracks, cells = tracked(moving_pictures(corners, [RING, RING]), middles)
    tracks = tails_exchanged(tracks, 8)
    assert torch.equal(keep_identities(tracks, torch.ones(1, 2), cells).centre, tracks.centre)


def test_a_clip_is_not_changed_by_its_neighbours():
    corners = torch.stack([line((2, 14), (2.6, 1), T), line((42, 30), (-2.6, -0.8), T)], 1)
    far = torch.stack([line((2, 2), (1, 0), T), line((2, 44), (1, 0), T)], 1)
    (one, cells), (other, other_cells) = (tracked(moving_pictures(c, [RING, RING]), c + 8) for c in (corners, far))
    one = tails_exchanged(one, 8)
    both = [torch.cat(pair) for pair in zip(one, other, strict=True)]
    both_cells = [torch.cat(pair) for pair in zip(cells[:-2], other_cells[:-2], strict=True)]
    together = keep_identities(Tracks(*both), torch.ones(2, 2), type(cells)(*both_cells, *cells[-2:]))
    assert torch.allclose(together.centre[:1], keep_identities(one, torch.ones(1, 2), cells).centre)
    assert torch.equal(together.centre[1:], other.centre)


@pytest.mark.parametrize("pictures, num_frames", [
    ((RING, SEVEN), 10), ((RING, SEVEN), 16), ((SEVEN, BAR), 10), ((SEVEN, BAR), 16),
], ids=["0 and 7, short", "0 and 7", "7 and 1, short", "7 and 1"])
def test_white_objects_that_cross_keep_their_slots(pictures, num_frames):
    speed = 40 / num_frames
    corners = torch.stack([line((4, 12), (speed, 0.6), num_frames), line((44, 24), (-speed, -0.7), num_frames)], 1)
    params = ProposalParams(num_slots=2, object_px=16, patch_dim=24, canvas_margin=0)
    sprites = propose(moving_pictures(corners, list(pictures)), params).sprites
    assert sprites.presence.sum() == 2
    found = sprites.centre[0][:, sprites.presence[0] > 0]
    middles = corners.round() + torch.tensor([[picture.shape[1] / 2, picture.shape[0] / 2] for picture in pictures])
    apart = (middles[:, 0] - middles[:, 1]).norm(dim=-1) > 16
    offsets = [found[:, order] - middles for order in ([0, 1], [1, 0])]
    # a picture's middle may lie anywhere on its object, as long as it stays there
    error = min(((offset - offset.median(0).values).norm(dim=-1) for offset in offsets), key=torch.sum)
    assert error[apart].max() < 1 and error.mean() < 1
