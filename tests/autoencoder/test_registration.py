import pytest
import torch

from pipeline.autoencoder.proposals import ProposalParams, propose
from pipeline.autoencoder.registration import chain, recentre, start
from tests.autoencoder.clips import filmed, line

PARAMS = ProposalParams(num_slots=3, object_px=16, patch_dim=24, canvas_margin=8)
COLORS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
OBJECTS = torch.stack([line((14, 18), (2, 1), 14), line((46, 50), (-2, 0), 14)], 1)
PATHS = {
    "pan": torch.stack([*line((0, 0), (0.8, -0.6), 14).T, torch.zeros(14)], 1),
    "zoom": torch.stack([torch.zeros(14), torch.zeros(14), torch.linspace(0, 0.15, 14)], 1),
    "both": torch.stack([*line((0, 0), (-0.5, 0.3), 14).T, torch.linspace(0.1, 0, 14)], 1),
    "shaking": torch.cat([2 * torch.rand(14, 2, generator=torch.Generator().manual_seed(1)), torch.zeros(14, 1)], 1),
}


@pytest.mark.parametrize("name", PATHS)
def test_camera_is_found_to_a_fraction_of_a_pixel_behind_moving_objects(name):
    camera = PATHS[name]
    proposals = propose(filmed(camera, OBJECTS, COLORS), PARAMS)
    wanted = recentre(camera[None], (64, 64))
    found = proposals.camera[..., :3]
    assert (found - wanted)[..., :2].abs().max() < 0.3
    assert ((found - wanted)[..., 2] * 32).abs().max() < 0.3
    assert proposals.sprites.presence.sum() == 2
    centre = proposals.sprites.centre[0, :, proposals.sprites.presence[0] > 0]  # places in the frame
    assert (centre[:, :, None] - OBJECTS[:, None]).norm(dim=-1).amin(2).max() < 0.8


def test_a_still_camera_is_exactly_still_and_objects_are_found_as_without_a_margin():
    frames = filmed(torch.zeros(14, 3), OBJECTS, COLORS)
    wide, narrow = (propose(frames, PARAMS.model_copy(update={"canvas_margin": margin})) for margin in (8, 0))
    assert (wide.camera[..., :3] == 0).all() and (narrow.camera[..., :3] == 0).all()
    assert wide.background.shape == (1, 3, 80, 80) and narrow.background.shape == (1, 3, 64, 64)
    tracks = [found.sprites.centre[0, :, found.sprites.presence[0] > 0] for found in (wide, narrow)]
    tracks = [track[:, track[0, :, 0].argsort()] for track in tracks]  # slots are in no order
    assert tracks[0].shape[1] == 2 and (tracks[0] - tracks[1]).abs().max() < 0.2
    assert (wide.background[..., 8:-8, 8:-8] - narrow.background).abs().max() < 0.01


def test_without_a_margin_the_camera_holds_still_whatever_the_frames_show():
    frames = filmed(PATHS["pan"], OBJECTS, COLORS)
    assert (start(frames, may_move=False)[..., :3] == 0).all()
    assert (propose(frames, PARAMS.model_copy(update={"canvas_margin": 0})).camera[..., :3] == 0).all()


def test_the_canvas_shows_what_no_single_frame_shows():
    path = PATHS["pan"]
    proposals = propose(filmed(path, OBJECTS, COLORS), PARAMS)
    around = filmed(torch.stack([path.mean(0)] * 2), OBJECTS[:2] - 1000, COLORS, px=80)[0, 0]
    seen = proposals.background_seen[0, 0] > 0.9
    assert seen.float().mean() > 1.15 * 64**2 / 80**2
    assert (proposals.background[0] - around).abs()[:, seen].max() < 0.05


def test_fast_pans_are_followed_from_frame_to_frame():
    camera = torch.stack([*line((0, 0), (5.0, -3.0), 6).T, torch.zeros(6)], 1)
    found = chain(filmed(camera, OBJECTS[:6, :1], COLORS))[0]
    assert (found - camera)[:, :2].abs().max() < 0.5


@pytest.mark.parametrize("num_frames", [2, 3])
def test_plain_and_short_clips_move_nothing(num_frames):
    proposals = propose(torch.full((1, num_frames, 3, 64, 64), 0.4), PARAMS)
    assert (proposals.camera[..., :3] == 0).all() and proposals.background.isfinite().all()


def test_paths_are_seen_from_their_middle():
    motion = torch.tensor([[[0.0, 0, 0], [10, 4, 0], [2, 0, 0]]])
    assert recentre(motion, (64, 64))[0].tolist() == [[-5, -2, 0], [5, 2, 0], [-3, -2, 0]]
    assert (recentre(0.05 * motion, (64, 64)) == 0).all()
