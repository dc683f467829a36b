"""What is suggested from facts that are given."""

import dataclasses
import math

import numpy as np
import pytest

from pipeline.suggestion import decide
from pipeline.suggestion.decide import Form, Work
from pipeline.suggestion.facts import ClipFacts, MotionFacts, Region, SourceFacts
from pipeline.suggestion.thresholds import Thresholds

T = Thresholds()
FACTS = SourceFacts(
    num_videos=1, num_unreadable=0, num_frames=(2000,), fps=(30.0,), height=480, width=640, split_is_published=False)
FORM = Form(96, 128, "none")


def facts(**changes) -> SourceFacts:
    return dataclasses.replace(FACTS, **changes)


def motion(
    sides=(12,), path=0.0, roll=0.0, changing=(0.0,), leftover=45.0, detail=None, speed=(1.0, 0.0), shares=True,
    ssim=None,
) -> MotionFacts:
    """Of one clip of 20 frames in which squares of these sides go straight on, the camera `path` px to the right
    and `roll` rad round."""
    def region(side, k, t):
        x, y = 20 + speed[0] * t, 20 + 10 * k + speed[1] * t
        return Region(x, y, (0, 0, side, side), side * side, at_edge=False)

    tracks = tuple({t: region(side, k, t) for t in range(20)} for k, side in enumerate(sides))
    camera = np.zeros((20, 4))
    camera[:, 0], camera[:, 3] = (np.linspace(-way / 2, way / 2, 20) for way in (path, roll))
    frames = np.zeros((20, 96, 128, 3), np.uint8)
    clip = ClipFacts("a", 0, frames, frames[..., 0] / 255, camera, tracks, frames[:, :, :, 0], tuple(changing))
    return MotionFacts((clip,), shares, leftover, detail or {}, ssim or {})


def values(suggestions) -> dict:
    return {item.key.rpartition(".")[2]: item.value for item in suggestions}


@pytest.mark.parametrize("shape, wanted", [
    ((480, 640), Form(96, 128, "none")), ((1080, 1920), Form(72, 128, "none")), ((1920, 1080), Form(128, 72, "none")),
    ((64, 64), Form(64, 64, "none")), ((938, 1160), Form(104, 128, "none")), ((50, 60), Form(48, 56, "center")),
    ((400, 1000), Form(48, 128, "center")),
])
def test_size_keeps_proportions_and_enlarges_nothing(shape, wanted):
    form = decide.choose_form(facts(height=shape[0], width=shape[1]), T)
    assert form == wanted
    assert form.height % 8 == form.width % 8 == 0


@pytest.mark.parametrize("fps, speed, num_frames, wanted", [
    (30.0, 0.3, 2000, 3), (30.0, 0.45, 2000, 2), (30.0, 1.5, 2000, 1), (30.0, 0.3, 500, 1), (10.0, 0.1, 2000, 1),
    (60.0, 0.1, 5000, 6), (30.0, float("nan"), 2000, 1),
])
def test_frames_are_dropped_where_motion_is_slow_and_enough_sequences_stay(fps, speed, num_frames, wanted):
    source = facts(fps=(fps,), num_frames=(num_frames,))
    step = decide.choose_step(source, speed, T)
    assert step == wanted
    assert decide.fps_suggestion(source, speed, step, T).value == (fps / wanted if wanted > 1 else None)


def test_videos_of_several_rates_get_one():
    source = facts(num_videos=2, num_frames=(100, 100), fps=(25.0, 30.0))
    assert decide.fps_suggestion(source, 3.0, 1, T).value == 25


def test_a_camera_that_moves_gets_a_canvas_of_half_its_way():
    assert decide.camera_suggestion(motion(), FORM, T).value == 0
    assert decide.camera_suggestion(motion(path=20.0), FORM, T).value == 11
    assert decide.camera_suggestion(motion(path=500.0), FORM, T).value == 32


def test_a_camera_that_rolls_gets_a_canvas_for_the_corners_and_a_word_about_it():
    turned = decide.camera_suggestion(motion(roll=0.2), FORM, T)
    assert turned.value == math.ceil(48 * (math.cos(0.1) - 1) + 64 * math.sin(0.1)) + 1
    assert "rolls by up to 5.7 degrees" in turned.why and "rolls" not in decide.camera_suggestion(motion(), FORM, T).why
    assert "rolls" not in decide.camera_suggestion(motion(path=20.0), FORM, T).why


def test_slots_and_sizes_are_those_of_what_moves():
    assert values(decide.object_suggestions(motion((10, 12, 14)), FORM, T)) == {
        "num_slots": 4, "object_px": 10, "patch_dim": 16}
    assert values(decide.object_suggestions(motion((30,) * 30), FORM, T)) == {
        "num_slots": 10, "object_px": 30, "patch_dim": 32}
    assert values(decide.object_suggestions(motion(()), FORM, T)) == {"num_slots": 2, "object_px": 24, "patch_dim": 24}
    assert values(decide.object_suggestions(motion((90,)), FORM, T))["object_px"] == 48


def test_many_fragments_count_less_than_few_objects():
    assert values(decide.object_suggestions(motion((6,) * 6 + (30,) * 5), FORM, T))["object_px"] == 30


def test_sequences_of_short_videos_are_shorter():
    assert decide.sequence_suggestions(FACTS, 1, T)[0] == 20
    length, found = decide.sequence_suggestions(facts(num_frames=(30,)), 1, T)
    assert length == 10 and values(found) == {"sequence_length": 10, "context_frames": 5, "horizon": 5}
    assert decide.sequence_suggestions(facts(num_videos=5, num_frames=(12,) * 5), 1, T)[0] == 12


def test_steps_follow_the_data_and_the_time():
    default = Work(640, 704, 20, 64 * 64, 4)
    steps = decide.step_suggestions(default, 8, 6, 64, T)
    assert [item.value for item in steps] == [1000, 250, 2000, 250]
    assert default.minutes(1000, 48, T) == pytest.approx(3.5, abs=0.2)
    large = Work(640, 704, 20, 96 * 128, 8)
    bounded = decide.step_suggestions(large, 8, 6, 64, T)[0].value
    assert 150 <= bounded < 1000
    few = decide.step_suggestions(Work(10, 12, 20, 96 * 128, 8), 8, 6, 64, T)
    assert [item.value for item in few] == [150, 37, 300, 37]


def test_of_very_many_sequences_some_are_left_out():
    assert decide.stride_suggestion(800, 20, Work(800, 800, 20, 64 * 64, 4), T).value is None
    assert decide.stride_suggestion(10_000, 20, Work(10_000, 10_000, 20, 64 * 64, 4), T).value == 80


def test_clips_are_mirrored_where_nothing_tells_them_apart():
    assert decide.augmentation_suggestion(motion(), T).value == "none"  # all go right
    both = motion()
    back = dataclasses.replace(motion(speed=(-1.0, 0.0)).clips[0])
    shared = dataclasses.replace(both, clips=(*both.clips, back))
    assert decide.augmentation_suggestion(shared, T).value == "reverse"
    assert decide.augmentation_suggestion(dataclasses.replace(shared, shares_scene=False), T).value == "reverse"
    others = tuple(motion(speed=speed).clips[0] for speed in ((0.0, 1.0), (0.0, -1.0)))
    everywhere = dataclasses.replace(shared, clips=(*shared.clips, *others), shares_scene=False)
    assert decide.augmentation_suggestion(everywhere, T).value == "motion"


def test_every_threshold_says_where_it_comes_from():
    for name, field in Thresholds.model_fields.items():
        assert field.description, name
