import math

import pytest
import torch

from pipeline.errors import UserError
from pipeline.latents import pose as poses
from pipeline.latents.codes import time_varying
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latents import Latents
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.draws import Draws
from pipeline.predictor.losses import nearest_mode_surprise, surprise
from pipeline.predictor.network_params import DeterministicParams, MixtureParams
from pipeline.predictor.predictor import Predictor, load_predictor, save_predictor
from pipeline.predictor.rollout import position_error, rollout
from tests.predictor.some_latents import SPEC, draws, some_latents

ARCHITECTURES = {
    "mixture": MixtureParams(hidden_dim=16, num_layers=2, num_heads=2, num_modes=4),
    "deterministic": DeterministicParams(hidden_dim=16, num_layers=1, num_heads=2),
}


def untrained(kind: str, augmentation: str = "motion") -> Predictor:
    torch.manual_seed(0)
    architecture = ARCHITECTURES[kind]
    return Predictor(PredictorConfig(
        architecture=architecture, spec=SPEC, context_frames=6, horizon=4, augmentation=augmentation
    ))


@pytest.fixture(params=[("mixture", "motion"), ("deterministic", "motion"), ("deterministic", "none")], ids="-".join)
def predictor(request) -> Predictor:
    """Trained on 6 -> 4 frames (not really: its weights are random, its statistics those of some latents)."""
    model = untrained(*request.param)
    model.fit_normalisation(some_latents(50))
    for parameter in model.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    return model.eval()


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


def training_loss(model: Predictor, clips: Latents) -> torch.Tensor:
    torch.manual_seed(0)
    return model.losses(clips.frames(0, 6), clips.frames(6, 10))["loss"]


def set_motion(model: Predictor, heading=None, walls=(0.0, 0.0, -100.0), follows=None, beside=None) -> None:
    """Makes all objects move alike: straight on, beside the line by `beside` px in x [modes], through walls."""
    num_modes = model.config.architecture.num_modes
    around = torch.stack([-2 * math.pi / num_modes * torch.arange(num_modes), torch.zeros(num_modes)], -1)
    residual = torch.zeros(num_modes, 4, 3)
    residual[..., 0] = torch.zeros(num_modes)[:, None] if beside is None else torch.tensor(beside)[:, None]
    with torch.no_grad():
        for layer in (model.moving, model.spread, model.mode_logits):
            layer.weight.zero_()
            layer.bias.zero_()
        heading = around if heading is None else torch.tensor(heading).expand(num_modes, 2)
        follows = torch.tensor([0.0, 100, 0, 0, 0, 100, 0, 0] if follows is None else follows)
        rest = [torch.tensor(walls).expand(num_modes, 3), follows.expand(num_modes, 8), residual.flatten(1)]
        model.moving.bias.copy_(torch.cat([heading, *rest], 1).flatten())


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
        pose[:, -1, slot] += torch.tensor([9.0, 5.0, 0.0, 0.0])
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


def test_modes_are_drawn_by_their_probability():
    model = untrained("mixture")
    chances = torch.tensor([0.5, 0.3, 0.2, 1e-9])
    set_motion(model, beside=[0.0, 100.0, 200.0, 300.0])  # far beyond their spread
    model.mode_logits.bias.data.copy_(chances.log())
    context = some_latents(1)
    line = linear_extrapolation(context, 4).pose[:, -1, :, 0]
    beside = (rollout(model, context, 4, 4000, draws()).pose[:, -1, :, 0] - line) / 100
    counts = torch.stack([(beside - m).abs() < 0.01 for m in range(4)]).float().mean((1, 2))
    torch.testing.assert_close(counts, chances, atol=0.02, rtol=0)


def test_modes_within_their_spread_are_averaged():
    model = untrained("mixture")
    set_motion(model, beside=[-0.1, 0.1, -0.1, 0.1])
    context = some_latents(1)
    line = linear_extrapolation(context, 4).pose[:, 10:, :, 0]
    future = rollout(model, context, 4, 20, draws()).pose[:, 10:, :, 0]
    assert ((future - line).abs() < 0.03).all()


def test_lines_come_back_from_walls_inside_the_frame():
    model = untrained("deterministic")
    # Walls 6 px from the left and right edges and 4 px from the others (a quarter of half the frame).
    set_motion(model, walls=(-math.log(3), -math.log(3), 100.0))
    context = some_latents(1)
    for slot, (start, speed) in enumerate([((30, 16), (3, 0)), ((20, 10), (-4, 2)), ((24, 24), (0, 1))]):
        for c in range(2):
            context.pose[0, :, slot, c] = start[c] + speed[c] * torch.arange(-9.0, 1.0)
    future = rollout(model, context, 4, 1, draws()).pose[0, 10:, :, :2]
    wanted = torch.tensor([
        [[33, 16], [16, 12], [24, 25]], [[36, 16], [12, 14], [24, 26]], [[39, 16], [8, 16], [24, 27]],
        [[42, 16], [8, 18], [24, 28]],
    ])
    torch.testing.assert_close(future, wanted.float(), atol=1e-3, rtol=0)
    context.pose[..., 1] += 3
    beyond = rollout(model, context, 4, 1, draws()).pose[0, 10:, 2, 1]
    torch.testing.assert_close(beyond, torch.tensor([28.0, 27, 26, 25]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("augmentation", ["reverse", "none"])
def test_an_object_may_turn_back_with_a_point_beside_its_middle(augmentation):
    model = untrained("deterministic", augmentation)
    set_motion(model, walls=(-math.log(3), -math.log(3), 100.0))
    with torch.no_grad():  # the walls are 6 px from the edges, the point is 2 px to the right of the place
        model.walls.turning_point.bias.copy_(torch.tensor([2.0, 0.0]))
        if augmentation == "none":
            model.walls.lost.fill_(-10.0)
    context, times = some_latents(1), torch.arange(-9.0, 1.0)
    context.pose[..., 1] = 16.0
    context.pose[0, :, 0, 0], context.pose[0, :, 1, 0] = 36 + 3 * times, 9 - 3 * times
    future = rollout(model, context, 4, 1, draws()).pose[0, 10:, :2, 0].T
    wanted = torch.tensor([[39.0, 38, 35, 32], [6, 5, 8, 11]])
    torch.testing.assert_close(future, wanted, atol=1e-3, rtol=0)


def test_a_turn_in_the_context_tells_where_the_other_wall_is():
    model, context = untrained("deterministic", "reverse"), some_latents(1, 6)
    # at its pace between walls 14.4 px from the left and right edges
    set_motion(model, walls=(math.log(1.5), -math.log(3), 100.0), follows=[100.0, 0, 0, 0, 100, 0, 0, 0])
    context.pose[..., 0] = torch.tensor([25.0, 21, 17, 21, 25, 29])[:, None]  # came back 2.6 px before the wall
    context.pose[..., 1] = 16.0
    def way(trust: float) -> torch.Tensor:
        model.walls.trust.data.fill_(trust)
        return model(context).moving[0, 0, 0, :, 0]
    mirrored_at = 33.6 + 2.6 * (1 - (2.6 / 3) ** 2) ** 2
    torch.testing.assert_close(way(-10.0), torch.tensor([33.0, 30.2, 26.2, 22.2]), atol=1e-3, rtol=0)
    torch.testing.assert_close(way(10.0)[1:], 2 * mirrored_at - torch.tensor([37.0, 41, 45]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("kind", ARCHITECTURES)
def test_training_starts_with_walls_where_tracks_end(kind):
    model, clips = untrained(kind), some_latents(50)
    model.fit_normalisation(clips.replace(pose=8 + 16 * torch.rand_like(clips.pose), presence=torch.ones(50, 3)))
    walls = model._of_modes(model.moving.bias)[1][:, :2].sigmoid() * torch.tensor([24.0, 16.0])
    torch.testing.assert_close(walls, torch.full_like(walls, 8.0), atol=0.5, rtol=0)


def test_modes_start_all_around_and_keep_the_speed():
    model, context = untrained("mixture"), some_latents(1)
    set_motion(model, heading=(0.0, 0.0))
    context.pose[..., 0], context.pose[..., 1] = 20 + 2 * torch.arange(10.0)[:, None], 16 + torch.arange(10.0)[:, None]
    way = model(context).moving[0, 0, :, :, :2] - context.pose[0, -1, 0, :2]
    wanted = torch.tensor([[2.0, 1], [-1, 2], [-2, -1], [1, -2]])[:, None] * torch.arange(1.0, 5)[:, None]
    torch.testing.assert_close(way, wanted, atol=1e-3, rtol=0)
    set_motion(model, heading=(math.pi / 2, -0.5))
    slower = model(context).moving[0, 0, 0, :, :2] - context.pose[0, -1, 0, :2]
    torch.testing.assert_close(slower, wanted[1] / 2, atol=1e-3, rtol=0)


def test_turned_tracks_come_back_from_walls_as_well():
    model, context = untrained("mixture"), some_latents(1)
    set_motion(model, heading=(0.0, 0.0), walls=(-math.log(3), -math.log(3), 100.0))
    context.pose[..., 0], context.pose[..., 1] = 20 + 3 * torch.arange(-9.0, 1)[:, None], 20.0
    down = model(context).moving[0, 0, 1, :, 1]  # the wall is at 28 px
    torch.testing.assert_close(down, torch.tensor([23.0, 26, 27, 24]), atol=1e-3, rtol=0)


@pytest.mark.parametrize("follows", [[100.0, 0, 0, 0], [0.0, 0, 100, 0], [0.0, 0, 0, 100]])
def test_a_track_may_follow_its_pace_its_last_two_frames_or_its_way_before_mirrored(follows):
    """A ball that came back from a wall on the left two frames ago."""
    model, context = untrained("deterministic"), some_latents(1, 6)
    x, y = torch.tensor([9.0, 7, 5, 3, 4, 6]), torch.arange(6.0)
    context.pose[..., 0], context.pose[..., 1] = x[:, None], y[:, None]
    set_motion(model, follows=[*follows, 0.0, 100, 0, 0])
    way = model(context).moving[0, 0, 0, -1, :2]
    torch.testing.assert_close(way, torch.tensor([14.0, 9.0]), atol=1e-3, rtol=0)


def test_long_rollouts_stay_finite(predictor):
    assert rollout(predictor, some_latents(2), 100, 1, draws()).pose.isfinite().all()


def test_surprise_is_the_likelihood_by_hand():
    model = untrained("mixture")
    clips = some_latents(2)
    block, target = model(clips.frames(0, 6)), clips.frames(6, 10)
    total = 0.0
    for b in range(2):
        for k in range(3):
            of_modes = block.mode_logits[b, k].log_softmax(-1).tolist()
            for m in range(4):
                for t in range(4):
                    visible = target.pose[b, t, k, 3].item()
                    for c in range(3):
                        mean, spread = block.moving[b, k, m, t, c].item(), block.moving_spread[b, k, m, t, c].item()
                        error = (target.pose[b, t, k, c].item() - mean) / spread
                        of_modes[m] += visible * math.log(1 / math.cosh(math.pi / 2 * error) / (2 * spread))
                    p = block.visibility_logits[b, k, m, t].sigmoid().item()
                    of_modes[m] += visible * math.log(p) + (1 - visible) * math.log(1 - p)
            best = max(of_modes)
            total -= target.presence[b, k].item() * (best + math.log(sum(math.exp(log - best) for log in of_modes)))
    assert surprise(block, target)["objects"].item() == pytest.approx(total / (2 * 3 * 4 * 3), rel=1e-3)


def test_the_nearest_mode_is_surprised_as_it_alone_would_be():
    model, clips = untrained("mixture"), some_latents(3)
    block, target = model(clips.frames(0, 6)), clips.frames(6, 10)
    visible = target.pose[..., 3].transpose(1, 2)
    apart = (block.moving[..., :2] - target.pose.transpose(1, 2)[:, :, None, :, :2]).norm(dim=-1)  # [B, K, M, H]
    total = 0.0
    for b in range(3):
        for k in range(3):
            nearest = int((apart[b, k] * visible[b, k]).sum(-1).argmin())
            alone = block._replace(**{
                name: getattr(block, name)[:, :, [nearest]] for name in ("moving", "moving_spread", "visibility_logits")
            }, mode_logits=torch.zeros(3, 3, 1))
            presence = torch.zeros(3, 3)
            presence[b, k] = target.presence[b, k]
            one = target.replace(presence=presence)
            chance = block.mode_logits[b, k].log_softmax(-1)[nearest]
            total += (surprise(alone, one)["objects"] - target.presence[b, k] * chance / (9 * 4 * 3)).item()
    assert nearest_mode_surprise(block, target).item() == pytest.approx(total, rel=1e-4)
    assert nearest_mode_surprise(block, target) > surprise(block, target)["objects"]


def test_absent_objects_teach_nothing(predictor):
    clips = some_latents()
    clips = clips.replace(presence=torch.tensor([1.0, 1.0, 0.0]).expand(5, 3))
    wild = clips.pose.clone()
    wild[:, 6:, 2] += 1000
    one, other = (training_loss(predictor, c) for c in (clips, clips.replace(pose=wild)))
    assert torch.equal(one, other)


def test_gradients_reach_every_weight(predictor):
    clips = some_latents()
    training_loss(predictor, clips).backward()
    without = [n for n, p in predictor.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    only_mode = ["mode_logits.weight", "mode_logits.bias"]
    assert without == (only_mode if predictor.config.architecture.kind == "deterministic" else [])


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
