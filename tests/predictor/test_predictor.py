
import pytest
import torch

from pipeline.errors import UserError
from pipeline.latents import pose as poses
from pipeline.latents.codes import time_varying
from pipeline.latents.extrapolation import course
from pipeline.latents.latents import Latents
from pipeline.predictor.draws import Draws
from pipeline.predictor.predictor import Predictor, load_predictor, save_predictor
from pipeline.predictor.rollout import position_error, rollout
from tests.predictor.some_latents import SPEC, draws, some_latents
from tests.predictor.some_predictors import training_loss


class Equal(Draws):
    """The same number whenever one is drawn: what is drawn then depends on the context alone."""

    def uniform(self, shape, device):
        return torch.full(shape, 0.3, device=device)


@torch.no_grad()
def future(model: Predictor, context: Latents, spread="branches") -> Latents:
    """Context and 8 frames."""
    for _ in range(2):
        context = context.append(**model.draw_block(context, Equal(draws()), spread))
    return context


@pytest.mark.parametrize("context_frames, horizon", [(2, 1), (3, 9), (6, 4), (11, 13)])
def test_any_context_is_continued_to_any_horizon(predictor, context_frames, horizon):
    context = some_latents(num_frames=context_frames)
    future = rollout(predictor, context, horizon, 3, draws()).check(SPEC)
    assert future.pose.shape[:2] == (15, context_frames + horizon)
    for name, code in future.frames(0, context_frames).codes.items():
        assert torch.equal(code[4:6], context.codes[name][[1, 1]]), name  # samples of a clip lie side by side
    assert all(code.isfinite().all() for code in future.codes.values())
    visibility = future.pose[..., poses.COMPONENTS.index("visibility")]
    assert (0 <= visibility).all() and (visibility <= 1).all()


def test_one_context_frame_is_refused(predictor):
    with pytest.raises(AssertionError, match="at least 2"):
        rollout(predictor, some_latents(num_frames=1), 1, 1, draws())


def test_the_order_of_the_slots_does_not_matter(predictor):
    context, order = some_latents(), torch.tensor([2, 0, 1])
    other = context.replace(
        appearance=context.appearance[:, order], presence=context.presence[:, order], depth=context.depth[:, order],
        pose=context.pose[:, :, order], deformation=context.deformation[:, :, order],
    )
    for spread in ("branches", "full"):
        codes, reordered = future(predictor, context, spread), future(predictor, other, spread)
        for name, owner in ((code.name, code.owner) for code in time_varying()):
            wanted = codes.codes[name] if owner == "scene" else codes.codes[name][:, :, order]
            torch.testing.assert_close(reordered.codes[name], wanted, rtol=1e-3, atol=1e-3, msg=name)


def test_objects_heed_those_present_and_not_those_absent(predictor):
    context = some_latents()
    context = context.replace(presence=torch.tensor([1.0, 1.0, 0.0]).expand(5, 3))

    def moved(slot):
        pose = context.pose.clone()
        pose[:, -1, slot] += torch.tensor([9.0, 5.0, 0.0, 0.0, 0.0, 0.0])
        poses = [future(predictor, codes).pose[:, 10:, 0, :3] for codes in (context, context.replace(pose=pose))]
        return (poses[0] - poses[1]).abs().mean()

    assert moved(1) > 0 and moved(2) < 0.02 * moved(1)


def test_only_the_last_frames_of_a_long_context_count(predictor):
    context = some_latents(num_frames=9)
    assert torch.equal(future(predictor, context).pose[:, 9:], future(predictor, context.frames(3, 9)).pose[:, 6:])


def test_equal_seeds_give_equal_futures(predictor):
    context = some_latents()
    one, same, other = (rollout(predictor, context, 8, 2, draws(seed)).pose for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert torch.equal(one, other) == (predictor.config.architecture.kind == "deterministic")


def test_long_rollouts_stay_finite(predictor):
    assert rollout(predictor, some_latents(2), 100, 1, draws()).pose.isfinite().all()


def test_normalised_features_are_standard(predictor):
    clips = some_latents(50)
    clips = clips.replace(presence=torch.ones(50, 3))
    predictor.fit_normalisation(clips)
    features = predictor.normalise(predictor._object_features(clips.frames(0, 6))).flatten(0, 1)
    varying = predictor.normalise.inverse_std > 0
    torch.testing.assert_close(features.mean(0)[varying], torch.zeros(int(varying.sum())), atol=0.02, rtol=0)
    torch.testing.assert_close(features.std(0)[varying], torch.ones(int(varying.sum())), atol=0.05, rtol=0)


def test_weights_are_read_as_they_were_written(predictor, tmp_path):
    save_predictor(tmp_path / "p.safetensors", predictor, {"latents": "l", "autoencoder": "a"})
    loaded, weights = load_predictor(tmp_path / "p.safetensors")
    assert loaded.config == predictor.config and loaded.spec == SPEC and not loaded.training
    assert weights.made_from == {"latents": "l", "autoencoder": "a"}
    assert (weights.config["context_frames"], weights.config["horizon"]) == (6, 4)
    assert torch.equal(future(loaded, some_latents()).pose, future(predictor, some_latents()).pose)
    (tmp_path / "p.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError):
        load_predictor(tmp_path / "p.safetensors")


def test_saved_activations_are_small(predictor):
    """What a clip keeps for the backward pass; the picture size has no part in it."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    weights = {parameter.untyped_storage().data_ptr() for parameter in predictor.parameters()}
    clips = some_latents(8)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        training_loss(predictor, clips)
    assert 0 < sum(n for pointer, n in kept.items() if pointer not in weights) / 8 < 2**16


def test_position_error_is_that_of_the_rollout(predictor):
    clips = some_latents().replace(presence=torch.tensor([1.0, 0.0, 1.0]).expand(5, 3))
    context, target = clips.frames(0, 6), clips.frames(6, 10)
    future = rollout(predictor, context, 4, 1, draws(7)).pose[:, 6:, [0, 2], :2]
    wanted = (future - target.pose[:, :, [0, 2], :2]).norm(dim=-1).mean((0, 2))
    errors = position_error(predictor, context, target, 7)
    torch.testing.assert_close(torch.stack(list(errors.values())), wanted[[0, -1]])


@pytest.mark.parametrize("spread", ["branches", "full"])
def test_shapes_go_on_as_the_table_says_whatever_was_learned(predictor, spread):
    """So what never turned is not forecast to turn, not even by rounding."""
    context = some_latents(2).frames(0, 6)
    shape = poses.shape(context.pose).clone()
    shape[:, :, 0] = torch.tensor([0.1, 0.0, 0.0])
    context = context.replace(pose=poses.assemble(poses.place(context.pose), shape, poses.visibility(context.pose)))
    drawn = predictor.draw_block(context, Draws(draws()), spread)["pose"]
    future = poses.shape(drawn)
    torch.testing.assert_close(future, poses.shape(course(context.pose, future.shape[1])), atol=1e-5, rtol=0)
    assert not future[:, :, 0, 1:].any()
    assert not torch.equal(poses.place(drawn), poses.place(course(context.pose, future.shape[1])))
