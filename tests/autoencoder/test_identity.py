"""An object keeps its slot and says when it is in view, whatever becomes of it: small clips with known content."""

import pytest
import torch
from torch import Tensor

from pipeline.autoencoder.proposals import ProposalParams, Proposals, propose
from pipeline.autoencoder.sprites import draw_masks
from tests.autoencoder.clips import filmed, line, moving_squares

PARAMS = ProposalParams(num_slots=4, object_px=16, patch_dim=24, canvas_margin=0)
RED, CYAN, YELLOW = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9], [0.95, 0.9, 0.1]])
HALF = 7
NOWHERE = -100.0


def slot_of(proposals: Proposals, color: Tensor) -> int:
    """The only present slot whose picture has about that colour."""
    sprites = proposals.sprites
    mean = sprites.color[0].sum((2, 3)) / sprites.mask[0].sum((1, 2))[:, None].clamp(min=1e-3)
    near = ((mean - color).norm(dim=-1) < 0.3) & (sprites.presence[0] > 0)
    assert near.sum() == 1, f"{near.sum()} slots of that colour"
    return int(near.nonzero())


def check(proposals: Proposals, slot: int, track: Tensor, shown: Tensor, doubtful: Tensor, reach: float = 1.5) -> None:
    """Centres within `reach` px of `track` [T, 2] where the object is `shown` bool [T]; visibility near 1 there and
    near 0 elsewhere, but for the `doubtful` frames in which only a strip of it shows."""
    visibility, centre = proposals.sprites.visibility[0, :, slot], proposals.sprites.centre[0, :, slot]
    sure = shown & ~doubtful
    assert (centre - track)[sure].abs().max() < reach
    assert visibility[sure].min() > 0.85, visibility
    if (~shown & ~doubtful).any():
        assert visibility[~shown & ~doubtful].max() < 0.15, visibility


def near_change(shown: Tensor) -> Tensor:
    """The frames on either side of a change."""
    change = shown[1:] != shown[:-1]
    return torch.nn.functional.pad(change, (0, 1)) | torch.nn.functional.pad(change, (1, 0))


def num_present(proposals: Proposals) -> int:
    return int(proposals.sprites.presence.sum())


@pytest.mark.parametrize("start, velocity", [((28, 22), (4, 0)), ((-30, 22), (4, 0)), ((24, 20), (0, -3.0))],
                         ids=["leaves", "enters", "leaves at the top"])
def test_object_that_leaves_or_enters(start, velocity):
    corner = line(start, velocity, 16)
    stays = line((40, 44), (-2, 0), 16)
    frames, _, segmentation = moving_squares(torch.stack([corner, stays], 1), torch.stack([RED, CYAN]))
    proposals = propose(frames, PARAMS)
    area = (segmentation == 1).sum((1, 2)) / (2 * HALF) ** 2
    assert num_present(proposals) == 2
    check(proposals, slot_of(proposals, RED), corner + HALF, area > 0, (area > 0) & (area < 0.6))
    check(proposals, slot_of(proposals, CYAN), stays + HALF, torch.ones(16, dtype=bool), torch.zeros(16, dtype=bool))


@pytest.mark.parametrize("hidden", [range(6, 9), range(5, 11), range(0, 4)], ids=["briefly", "for long", "at first"])
def test_object_that_hides_comes_back_in_its_slot(hidden):
    corner, stays = line((4, 12), (3, 1), 16), line((40, 46), (-2, 0), 16)
    shown = torch.tensor([t not in hidden for t in range(16)])
    drawn = torch.where(shown[:, None], corner, NOWHERE)
    frames, _, _ = moving_squares(torch.stack([drawn, stays], 1), torch.stack([RED, CYAN]))
    proposals = propose(frames, PARAMS)
    assert num_present(proposals) == 2
    check(proposals, slot_of(proposals, RED), corner + HALF, shown, near_change(shown))
    check(proposals, slot_of(proposals, CYAN), stays + HALF, torch.ones(16, dtype=bool), torch.zeros(16, dtype=bool))


def test_object_behind_a_pillar_comes_back_in_its_slot():
    corner = line((0, 24), (3, 0), 16)
    frames, background, segmentation = moving_squares(corner[:, None], RED[None])
    pillar = slice(22, 40)
    frames[..., pillar] = 0.2
    segmentation[..., pillar] = 0
    proposals = propose(frames, PARAMS)
    area = (segmentation == 1).sum((1, 2)) / (2 * HALF) ** 2
    assert num_present(proposals) == 1
    check(proposals, slot_of(proposals, RED), corner + HALF, area > 0, (area > 0) & (area < 0.6), reach=2.5)


def test_three_objects_that_cross_keep_their_slots():
    tracks = torch.stack([line((2, 6), (3, 0), 16), line((48, 8), (-3, 2), 16), line((24, 48), (0, -2), 16)], 1)
    colors = torch.stack([RED, CYAN, YELLOW])
    frames, _, segmentation = moving_squares(tracks, colors)
    proposals = propose(frames, PARAMS)
    assert num_present(proposals) == 3
    everywhere = torch.ones(16, dtype=bool)
    for n, color in enumerate(colors):
        covered = (segmentation == n + 1).sum((1, 2)) < 0.6 * (2 * HALF) ** 2
        check(proposals, slot_of(proposals, color), tracks[:, n] + HALF, everywhere, covered)


def test_object_that_stops_and_goes_on_under_a_moving_camera():
    stop = torch.cat([line((12, 20), (3, 1), 7), torch.tensor([[30.0, 26]]).expand(5, 2), line((33, 27), (3, 1), 6)])
    other = line((52, 46), (-2, 0), 18)
    camera = torch.cat([line((0, 0), (0.7, 0.4), 18), torch.zeros(18, 2)], 1)
    frames = filmed(camera, torch.stack([stop, other], 1), torch.stack([RED, CYAN]))
    proposals = propose(frames, PARAMS.model_copy(update={"canvas_margin": 8}))
    assert num_present(proposals) == 2
    everywhere, never = torch.ones(18, dtype=bool), torch.zeros(18, dtype=bool)
    check(proposals, slot_of(proposals, RED), stop, everywhere, never)
    check(proposals, slot_of(proposals, CYAN), other, everywhere, never)
    mask = draw_masks(proposals.sprites, 64, 64)[0, 7:12, slot_of(proposals, RED)]
    assert (mask.sum((1, 2)) - 14**2).abs().max() < 0.15 * 14**2


def test_what_rests_in_a_panned_scene_is_background():
    camera = torch.cat([line((0, 0), (0.8, 0), 16), torch.zeros(16, 2)], 1)
    rests = line((30, 20), (-0.8, 0), 16)  # goes through the frame as the background does
    other = line((52, 46), (-2, 0), 16)
    frames = filmed(camera, torch.stack([rests, other], 1), torch.stack([RED, CYAN]))
    proposals = propose(frames, PARAMS.model_copy(update={"canvas_margin": 8}))
    assert num_present(proposals) == 1
    slot_of(proposals, CYAN)
