import math

import pytest
import torch

from pipeline.predictor.losses import nearest_mode_surprise, surprise
from tests.predictor.some_latents import some_latents
from tests.predictor.some_predictors import training_loss, untrained


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
                    visible = target.pose[b, t, k, -1].item()
                    for c in range(2):
                        mean, spread = block.moving[b, k, m, t, c].item(), block.place_spread[b, k, m, t, c].item()
                        error = (target.pose[b, t, k, c].item() - mean) / spread
                        of_modes[m] += visible * math.log(1 / math.cosh(math.pi / 2 * error) / (2 * spread))
                    p = block.visibility_logits[b, k, m, t].sigmoid().item()
                    of_modes[m] += visible * math.log(p) + (1 - visible) * math.log(1 - p)
            best = max(of_modes)
            total -= target.presence[b, k].item() * (best + math.log(sum(math.exp(log - best) for log in of_modes)))
    assert surprise(block, target)["objects"].item() == pytest.approx(total / (2 * 3 * 4 * 2), rel=1e-3)


def test_the_nearest_mode_is_surprised_as_it_alone_would_be():
    model, clips = untrained("mixture"), some_latents(3)
    block, target = model(clips.frames(0, 6)), clips.frames(6, 10)
    visible = target.pose[..., -1].transpose(1, 2)
    apart = (block.moving[..., :2] - target.pose.transpose(1, 2)[:, :, None, :, :2]).norm(dim=-1)  # [B, K, M, H]
    total = 0.0
    for b in range(3):
        for k in range(3):
            nearest = int((apart[b, k] * visible[b, k]).sum(-1).argmin())
            alone = block._replace(**{
                name: getattr(block, name)[:, :, [nearest]] for name in ("moving", "place_spread", "visibility_logits")
            }, mode_logits=torch.zeros(3, 3, 1))
            presence = torch.zeros(3, 3)
            presence[b, k] = target.presence[b, k]
            one = target.replace(presence=presence)
            chance = block.mode_logits[b, k].log_softmax(-1)[nearest]
            total += (surprise(alone, one)["objects"] - target.presence[b, k] * chance / (9 * 4 * 2)).item()
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
