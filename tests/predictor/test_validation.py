import pytest
import torch

from pipeline.predictor.rollout import position_error
from pipeline.predictor.validation import hold_objects, of_objects, validation_figures
from tests.predictor.some_latents import some_latents
from tests.predictor.some_predictors import untrained


def test_clips_count_alike_in_the_loss_and_objects_alike_in_their_error():
    model, clips = untrained("mixture").eval(), some_latents(batch=6, num_frames=10)
    clips = clips.replace(presence=torch.ones(6, 3))
    empty = clips.map(lambda code: code[:4]).replace(presence=torch.zeros(4, 3))
    held = clips.map(lambda code: code[4:])
    both = validation_figures(model, [empty, held], 6, 0, with_objects=True)
    alone = position_error(model, held.frames(0, 6), held.frames(6, 10), 0)
    assert both["position_error_last"] == pytest.approx(alone["position_error_last"].item())
    losses = [model.losses(part.frames(0, 6), part.frames(6, 10))["loss"].item() for part in (empty, held)]
    assert both["loss"] == pytest.approx((4 * losses[0] + 2 * losses[1]) / 6)


def test_of_clips_without_objects_only_what_belongs_to_the_scene_is_known():
    model, clips = untrained("mixture").eval(), some_latents(num_frames=10)
    clips = clips.replace(presence=torch.zeros(5, 3))
    assert not hold_objects(clips)
    figures = validation_figures(model, [clips], 6, 0, with_objects=False)
    unknown = {name for name, value in figures.items() if value is None}
    assert unknown == {"objects", "deformation", "position_error_first", "position_error_last"}
    assert unknown == {name for name in figures if of_objects(name)}
