import math

import pytest
import torch

from pipeline.autoencoder.proposals import ProposalParams, propose
from pipeline.autoencoder.registration import chain, recentre, start
from pipeline.latents import camera_code
from tests.autoencoder.clips import filmed, line

PARAMS = ProposalParams(num_slots=3, object_px=16, patch_dim=24, canvas_margin=8)
COLORS = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
STILL = torch.zeros(14)
OBJECTS = torch.stack([line((14, 18), (2, 1), 14), line((46, 50), (-2, 0), 14)], 1)


def camera_path(x=STILL, y=STILL, log_zoom=STILL, roll=STILL) -> torch.Tensor:
    return torch.stack([x, y, log_zoom, roll], 1)


PATHS = {
    "pan": camera_path(*line((0, 0), (0.8, -0.6), 14).T),
    "zoom": camera_path(log_zoom=torch.linspace(0, 0.15, 14)),
    "both": camera_path(*line((0, 0), (-0.5, 0.3), 14).T, torch.linspace(0.1, 0, 14)),
    "shaking": camera_path(*2 * torch.rand(2, 14, generator=torch.Generator().manual_seed(1))),
    "roll": camera_path(roll=torch.linspace(0.08, -0.12, 14)),
    "all": camera_path(*line((0, 0), (0.6, 0.3), 14).T, torch.linspace(0, 0.1, 14), torch.linspace(0, 0.15, 14)),
    "swaying": camera_path(*line((0, 0), (-0.5, 0), 14).T, roll=0.06 * torch.sin(torch.arange(14.0))),
}
TURNING = ("roll", "all", "swaying")


@pytest.mark.parametrize("name", PATHS)
def test_camera_is_found_to_a_fraction_of_a_pixel_behind_moving_objects(name):
    camera = PATHS[name]
    proposals = propose(filmed(camera, OBJECTS, COLORS), PARAMS)
    wanted = recentre(camera[None], (64, 64))
    found = camera_code.motion(proposals.camera)
    assert (found - wanted)[..., :2].abs().max() < 0.3
    assert ((found - wanted)[..., 2] * 32).abs().max() < 0.3
    assert math.degrees((found - wanted)[..., 3].abs().max()) < 0.3
    assert (name in TURNING) == bool(found[..., 3].any())
    assert proposals.sprites.presence.sum() == 2
    centre = proposals.sprites.centre[0, :, proposals.sprites.presence[0] > 0]  # places in the frame
    assert (centre[:, :, None] - OBJECTS[:, None]).norm(dim=-1).amin(2).max() < 0.8


def test_a_still_camera_is_exactly_still_and_objects_are_found_as_without_a_margin():
    frames = filmed(torch.zeros(14, 4), OBJECTS, COLORS)
    wide, narrow = (propose(frames, PARAMS.model_copy(update={"canvas_margin": margin})) for margin in (8, 0))
    assert (wide.camera[..., :4] == 0).all() and (narrow.camera[..., :4] == 0).all()
    assert wide.background.shape == (1, 3, 80, 80) and narrow.background.shape == (1, 3, 64, 64)
    tracks = [found.sprites.centre[0, :, found.sprites.presence[0] > 0] for found in (wide, narrow)]
    tracks = [track[:, track[0, :, 0].argsort()] for track in tracks]  # slots are in no order
    assert tracks[0].shape[1] == 2 and (tracks[0] - tracks[1]).abs().max() < 0.2
    assert (wide.background[..., 8:-8, 8:-8] - narrow.background).abs().max() < 0.01


def test_without_a_margin_the_camera_holds_still_whatever_the_frames_show():
    frames = filmed(PATHS["pan"], OBJECTS, COLORS)
    assert (start(frames, may_move=False)[..., :4] == 0).all()
    assert (propose(frames, PARAMS.model_copy(update={"canvas_margin": 0})).camera[..., :4] == 0).all()


def test_the_canvas_shows_what_no_single_frame_shows():
    path = PATHS["pan"]
    proposals = propose(filmed(path, OBJECTS, COLORS), PARAMS)
    around = filmed(torch.stack([path.mean(0)] * 2), OBJECTS[:2] - 1000, COLORS, px=80)[0, 0]
    seen = proposals.background_seen[0, 0] > 0.9
    assert seen.float().mean() > 1.15 * 64**2 / 80**2
    assert (proposals.background[0] - around).abs()[:, seen].max() < 0.05


def test_fast_pans_are_followed_from_frame_to_frame():
    camera = camera_path(*line((0, 0), (5.0, -3.0), 6).T, STILL[:6], STILL[:6])
    found = chain(filmed(camera, OBJECTS[:6, :1], COLORS))[0]
    assert (found - camera)[:, :2].abs().max() < 0.5


@pytest.mark.parametrize("name", PATHS)
def test_shift_zoom_and_roll_are_found_to_a_tenth(name):
    generator = torch.Generator().manual_seed(0)
    frames = filmed(PATHS[name], OBJECTS, COLORS)
    frames = frames + 0.01 * torch.randn(frames.shape, generator=generator)
    found = camera_code.motion(propose(frames, PARAMS).camera)
    off = (found - recentre(PATHS[name][None], (64, 64))).abs().amax((0, 1))
    assert off[:2].max() < 0.1 and 32 * off[2] < 0.1 and math.degrees(off[3]) < 0.1


def posts(way: float, num_frames: int = 20, px: int = 64) -> torch.Tensor:
    """Clip [1, T, 3, px, px] of a plain wall with a few posts that goes by at `way` px a frame."""
    generator = torch.Generator().manual_seed(0)
    middle = (torch.rand(7, 2, 1, 1, generator=generator) * (px + 20) - 10).unbind(1)
    pixels = torch.arange(px) + 0.5
    frames = []
    for t in range(num_frames):
        away = torch.maximum((pixels + way * t - middle[0]).abs(), (pixels[:, None] - middle[1]).abs())
        frames.append(0.4 + 0.4 * (3 - away).clamp(0, 1).amax(0).expand(3, -1, -1))
    return torch.stack(frames)[None] + 0.01 * torch.randn(1, num_frames, 3, px, px, generator=generator)


def test_a_slow_pan_over_a_plain_ground_is_none_of_a_still_camera():
    found = start(posts(0.4), may_move=True)[0]
    assert found[-1, 0] - found[0, 0] == pytest.approx(0.4 * 19, rel=0.3)
    assert (found[..., 3] == 0).all()
    assert (start(posts(0.0), may_move=True)[..., :4] == 0).all()


def test_light_that_changes_moves_no_camera():
    frames = filmed(torch.zeros(14, 4), OBJECTS, COLORS)
    lit = frames * torch.linspace(0.7, 1, 14)[:, None, None, None] + torch.linspace(0.1, 0, 14)[:, None, None, None]
    assert (start(lit, may_move=True)[..., :4] == 0).all()


def test_a_pan_so_fast_that_half_a_clip_later_nothing_is_the_same_is_one():
    found = start(filmed(camera_path(*line((0, 0), (7.0, 0), 14).T), OBJECTS[:, :0], COLORS), may_move=True)[0]
    assert (found[1:, 0] - found[:-1, 0] - 7).abs().max() < 0.3


@pytest.mark.parametrize("num_frames", [2, 3])
def test_plain_and_short_clips_move_nothing(num_frames):
    proposals = propose(torch.full((1, num_frames, 3, 64, 64), 0.4), PARAMS)
    assert (proposals.camera[..., :4] == 0).all() and proposals.background.isfinite().all()


def test_a_turned_path_is_counted_from_its_middle_turn():
    motion = torch.tensor([[[0.0, 0, 0, 0.2], [0, 10, 0, 0.6]]])
    middle = recentre(motion, (64, 64))[0]
    torch.testing.assert_close(middle[:, 3], torch.tensor([-0.2, 0.2]))
    torch.testing.assert_close(middle[:, :2].sum(0), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(middle[1, :2], 5 * torch.tensor([math.sin(0.4), math.cos(0.4)]))


def test_paths_are_seen_from_their_middle():
    motion = torch.tensor([[[0.0, 0, 0, 0], [10, 4, 0, 0], [2, 0, 0, 0]]])
    assert recentre(motion, (64, 64))[0].tolist() == [[-5, -2, 0, 0], [5, 2, 0, 0], [-3, -2, 0, 0]]
    assert (recentre(0.05 * motion, (64, 64)) == 0).all()
