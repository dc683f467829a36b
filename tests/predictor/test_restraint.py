import pytest
import torch

from pipeline.few_sequences import ENOUGH
from pipeline.latents import pose as poses
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import load_predictor, save_predictor
from pipeline.predictor.restraint import fit_restraint
from tests.predictor.some_latents import some_latents
from tests.predictor.some_predictors import set_motion, untrained


def pairs(clips: Latents) -> list[tuple[Latents, Latents]]:
    return [(clips.frames(0, 6), clips.frames(6, 10))]


def straight_clips(off: float = 0.0) -> Latents:
    """Whose futures go straight on, but for `off` px to the right and codes that change by `off`."""
    clips = some_latents(20).replace(presence=torch.ones(20, 3))
    future = linear_extrapolation(clips.frames(0, 6), 4)
    moved = future.frames(6, 10)
    pose = poses.moved(moved.pose, torch.tensor([off, 0.0]))
    pose[..., -1] = 1
    return future.frames(0, 6).append(pose=pose, camera=moved.camera + off, detail=moved.detail,
                                      deformation=moved.deformation)


def sideways(px: float):
    """A predictor that says every object is px further to the right than its line."""
    model = untrained("deterministic").eval()
    set_motion(model, beside=[px])
    return model


def added_by(model) -> float:
    """px to the right that the predictor adds to the line at the first step."""
    clips = straight_clips()
    return (model(clips.frames(0, 6)).moving[:, :, 0, 0, 0] - clips.frames(6, 7).pose[:, 0, :, 0]).median().item()


def test_what_goes_straight_on_is_not_led_astray():
    model, clips = sideways(50.0), straight_clips()
    context, target = pairs(clips)[0]
    assert (model(context).moving[:, :, 0, :, 0].transpose(1, 2) - target.pose[..., 0]).abs().max() > 10
    fit_restraint(model, pairs(clips))
    assert model.residual_share[0].max() < 1e-3 and model.trust.max() < 1e-3
    restrained = model.restrained(context, model(context))
    place = poses.place(restrained.moving[:, :, 0]).transpose(1, 2)
    torch.testing.assert_close(place, poses.place(target.pose), atol=0.1, rtol=0)


def test_what_is_borne_out_is_kept():
    model = sideways(50.0)
    added = added_by(model)
    fit_restraint(model, pairs(straight_clips(off=added)))
    assert model.residual_share[0].min() > 0.9 and model.trust.min() > 0.8


def test_of_few_clips_nothing_is_kept():
    model = sideways(50.0)
    added = added_by(model)
    clips = straight_clips(off=added)
    fit_restraint(model, pairs(clips))
    assert model.residual_share[0].min() > 0.9 and model.trust.min() > 0.8
    for count, kept in ((ENOUGH["val"], True), (ENOUGH["val"] - 1, False)):
        some = clips.map(lambda x: x[torch.arange(count) % len(x)])  # noqa: B023, called at once
        fit_restraint(model, pairs(some))
        assert ((model.residual_share[0] > 0.9) == kept).all() and ((model.trust > 0) == kept).all()


@pytest.mark.parametrize("leave, kept", [(False, True), (True, False)])
def test_objects_that_have_left_are_not_fetched_back(leave, kept):
    """What the first object is led to comes true. The others are led into the frame: there they come, or they have left
    it by then."""
    model = sideways(-20.0)
    clips, beyond = straight_clips(off=added_by(model)), model.spec.width + 1.0
    pose = clips.pose.clone()
    pose[:, :, 1:, 0], pose[:, :6, :, -1] = beyond, 1
    pose[:, 6:, 1:, 0] += 0 if leave else added_by(model)
    pose[:, 6:, 1:, -1] = 0 if leave else 1
    fit_restraint(model, pairs(clips.replace(pose=pose)))
    assert ((model.residual_share[0] > 0.9) == kept).all() and ((model.trust > 0) == kept).all()


def test_half_of_it_is_kept_where_half_is_true():
    model = sideways(50.0)
    added = added_by(model)
    fit_restraint(model, pairs(straight_clips(off=added / 2)))
    assert model.residual_share[0].mean().item() == pytest.approx(0.5, abs=0.1)


def test_codes_are_restrained_on_their_own():
    model, clips = untrained("mixture").eval(), straight_clips()
    with torch.no_grad():
        model.camera[-1].bias.add_(1.0)
    fit_restraint(model, pairs(clips))
    context, target = pairs(clips)[0]
    means = model.restrained(context, model(context)).means
    torch.testing.assert_close(means["camera"], target.camera, atol=1e-3, rtol=0)
    assert not torch.allclose(model(context).means["camera"], target.camera, atol=1e-2)


def test_absent_and_hidden_objects_have_no_say():
    model, clips = sideways(50.0), straight_clips()
    clips = clips.replace(presence=torch.tensor([1.0, 1, 0]).expand(20, 3).clone())
    wild = clips.pose.clone()
    wild[:, 6:, 2] += 1000
    other = sideways(50.0)
    fit_restraint(model, pairs(clips))
    fit_restraint(other, pairs(clips.replace(pose=wild)))
    assert torch.equal(model.residual_share, other.residual_share) and torch.equal(model.trust, other.trust)


def test_it_is_part_of_the_weights(tmp_path):
    model = sideways(50.0)
    fit_restraint(model, pairs(straight_clips()))
    save_predictor(tmp_path / "p.safetensors", model, {"latents": "l", "autoencoder": "a"})
    loaded, _ = load_predictor(tmp_path / "p.safetensors")
    assert torch.equal(loaded.residual_share, model.residual_share) and torch.equal(loaded.trust, model.trust)
