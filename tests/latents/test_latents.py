import pytest
import torch

from pipeline.latents import camera_code
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES, time_independent, time_varying
from pipeline.latents.latents import Latents, LatentSpec, concatenate

SPEC = LatentSpec(
    num_slots=3, background_dim=5, appearance_dim=7, height=16, width=24, motion_dim=4, detail_dim=2, deformation_dim=1
)


def some_latents(batch=2, num_frames=6, seed=0) -> Latents:
    generator = torch.Generator().manual_seed(seed)
    return Latents(**{name: torch.rand(batch, *SPEC.shape(name, num_frames), generator=generator) for name in CODES})


def test_shapes_are_those_of_the_legend():
    assert {name: SPEC.shape(name, 6) for name in CODES} == {
        "background": (5,), "appearance": (3, 7), "presence": (3,), "depth": (3,), "camera": (6, 6), "pose": (6, 3, 6),
        "motion": (6, 4), "detail": (6, 2), "deformation": (6, 3, 1),
    }
    assert {code.name for code in time_varying()} == {"camera", "pose", "motion", "detail", "deformation"}
    assert {code.name for code in time_independent()} == set(CODES) - {code.name for code in time_varying()}
    assert len(poses.COMPONENTS) == len(poses.UNITS) and len(camera_code.COMPONENTS) == len(camera_code.UNITS)


def test_floats_per_frame_shares_the_time_independent_codes():
    assert SPEC.floats_per_frame(10) == pytest.approx(6 + 3 * 6 + 4 + 2 + 3 * 1 + (5 + 3 * 7 + 3 + 3) / 10)


def test_check_accepts_the_spec_and_names_a_wrong_code():
    latents = some_latents()
    assert latents.check(SPEC) is latents
    with pytest.raises(AssertionError, match="depth"):
        latents.replace(depth=torch.zeros(2, 4)).check(SPEC)
    with pytest.raises(AssertionError, match="camera"):
        latents.replace(camera=latents.camera[:, :-1]).check(SPEC)


def test_frames_cuts_time_varying_codes_only():
    latents = some_latents()
    cut = latents.frames(2, 5)
    assert cut.num_frames == 3
    for name, code in cut.codes.items():
        whole = getattr(latents, name)
        assert torch.equal(code, whole[:, 2:5] if CODES[name].varies else whole)


def test_map_and_replace_leave_the_rest():
    latents = some_latents()
    assert torch.equal(latents.map(lambda code: 2 * code).pose, 2 * latents.pose)
    moved = latents.replace(pose=latents.pose + 1)
    assert torch.equal(moved.pose, latents.pose + 1) and moved.appearance is latents.appearance


def test_concatenate_joins_batches():
    first, second = some_latents(seed=1), some_latents(batch=3, seed=2)
    joined = concatenate([first, second]).check(SPEC)
    for name, code in joined.codes.items():
        assert torch.equal(code, torch.cat([getattr(first, name), getattr(second, name)]))


def test_codes_of_width_zero_may_be_left_out():
    narrow = LatentSpec(**SPEC.model_dump() | {"motion_dim": 0, "detail_dim": 0, "deformation_dim": 0})
    assert narrow.names == tuple(name for name in CODES if name not in ("motion", "detail", "deformation"))
    assert SPEC.names == tuple(CODES)
    codes = some_latents().codes
    latents = Latents(**{name: codes[name] for name in narrow.names}).check(narrow)
    assert latents.detail.shape == (2, 6, 0) and latents.deformation.shape == (2, 6, 3, 0)
    assert latents.frames(1, 3).check(narrow).detail.shape == (2, 2, 0)


def test_append_lengthens_every_time_varying_code():
    latents, more = some_latents(), some_latents(num_frames=3, seed=1).codes
    longer = latents.append(**{code.name: more[code.name] for code in time_varying()}).check(SPEC)
    assert longer.num_frames == 9 and torch.equal(longer.detail[:, 6:], more["detail"])
    assert torch.equal(longer.deformation[:, :6], latents.deformation) and longer.depth is latents.depth
