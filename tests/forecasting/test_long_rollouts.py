import torch

from pipeline.predictor.rollout import rollout
from tests.forecasting.bouncing import CONTEXT, WALLS, bouncing_clips


def test_a_hundred_steps_stay_between_the_walls_and_keep_size_and_speed(predictor):
    context = bouncing_clips(20, 1).frames(0, CONTEXT)
    pose = rollout(predictor, context, 100, 1, torch.Generator().manual_seed(0)).pose[:, CONTEXT:]
    place = pose[..., :2]
    assert (place > WALLS[0] - 3).all() and (place < WALLS[1] + 3).all()
    assert (place.std(1) > 0.3 * context.pose[..., :2].diff(dim=1).abs().mean(1)).all()  # nobody comes to rest
    speed = place.diff(dim=1).norm(dim=-1) / context.pose[:, :2, :, :2].diff(dim=1).norm(dim=-1).mean()
    assert speed[:, :10].mean() > 0.95 and speed[:, -10:].mean() > 0.75
    assert pose[..., 2].abs().max() < 0.1 and (pose[..., -1] > 0.9).all()
