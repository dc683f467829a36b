"""The matrix of probes on codes whose knowledge is known, and logistic regression against its own conditions."""

import numpy as np
import pytest

from pipeline.metrics.probes import Factors, class_score, factor_examples, logistic_regression, probe_matrix
from pipeline.metrics.segmentation import UNMATCHED

POSITION = {"position_r2_time_varying": 0.9, "position_r2_time_independent": None}
NUM_FRAMES = 6


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def clip(random: np.random.Generator, video: int):
    """One object in slot 1 of 2. Its appearance is its colour and its class, its pose where it is, and no more."""
    velocity, color, shape = random.normal(size=2), random.uniform(size=3), int(random.integers(3))
    place = random.uniform(0, 64, 2) + np.arange(NUM_FRAMES)[:, None] * velocity
    pose = random.normal(size=(NUM_FRAMES, 2, 4))
    pose[:, 1, :2] = place
    appearance = np.stack([np.zeros(6), np.concatenate([color, np.eye(3)[shape]])])
    factors = Factors(np.tile(velocity, (NUM_FRAMES, 1, 1)), color[None], np.array([shape]))
    shown = np.ones((NUM_FRAMES, 1), dtype=bool)
    return factor_examples(pose, appearance, factors, np.array([1]), shown, f"video {video:03}")


def test_each_code_is_credited_with_what_it_holds(random):
    matrix = probe_matrix([clip(random, video) for video in range(160)], POSITION)
    still, moving = matrix["time_independent"], matrix["time_varying"]
    assert still["position"] is None and moving["position"] == 0.9
    assert moving["velocity"] > 0.99 and still["velocity"] < 0.15
    assert still["color"] > 0.99 and moving["color"] < 0.1
    assert still["shape"] == 1.0 and abs(moving["shape"]) < 0.35


def test_what_does_not_vary_and_too_few_videos_have_no_score(random):
    clips = [clip(random, video) for video in range(8)]
    for example in clips:
        example.shape[:], example.color[:] = 2, 1.0
    matrix = probe_matrix(clips, POSITION)
    assert matrix["time_independent"]["shape"] is matrix["time_independent"]["color"] is None
    assert matrix["time_independent"]["velocity"] is not None
    few = probe_matrix(clips[:2], POSITION)
    assert {score for scores in few.values() for score in scores.values()} == {None, 0.9}


def test_color_is_scored_by_the_channels_that_vary(random):
    clips = [clip(random, video) for video in range(40)]
    for example in clips:
        example.color[:, 1:] = 0.5
    assert probe_matrix(clips, POSITION)["time_independent"]["color"] > 0.99


def test_examples_follow_the_matching_the_middle_frame_and_the_change(random):
    pose, appearance = random.normal(size=(5, 3, 4)), random.normal(size=(3, 2))
    factors = Factors(random.normal(size=(5, 3, 2)), random.uniform(size=(3, 3)), np.array([4, 5, 6]))
    shown = np.zeros((5, 3), dtype=bool)
    shown[[0, 2, 4], 0] = shown[:, 1] = True  # object 2 never shows, object 1 has no slot
    examples = factor_examples(pose, appearance, factors, np.array([2, UNMATCHED, 0]), shown, "a")
    np.testing.assert_array_equal(examples.velocity, factors.velocity[[0, 2, 4], 0])
    np.testing.assert_array_equal(examples.motion[:, :4], pose[[0, 2, 4], 2])
    wanted = [pose[1, 2] - pose[0, 2], pose[3, 2] - pose[2, 2], pose[4, 2] - pose[3, 2]]  # the last has no next frame
    np.testing.assert_array_equal(examples.motion[:, 4:], wanted)
    np.testing.assert_array_equal(examples.appearance_by_frame, appearance[[2, 2, 2]])
    np.testing.assert_array_equal(examples.pose, pose[[2], 2])
    np.testing.assert_array_equal(examples.appearance, appearance[[2]])
    assert examples.shape.tolist() == [4]


def test_class_score_is_the_share_of_what_chance_leaves():
    """Codes tell class 0 from the rest; 1 and 2 look alike, so that class 2 is always called 1."""
    classes = np.tile([0, 0, 0, 0, 0, 1, 1, 1, 2, 2], 20)
    codes, video_id = (classes > 0).astype(float)[:, None], np.arange(200).astype(str)
    score = class_score(codes, classes, video_id, np.arange(200) < 100)
    assert score == pytest.approx((0.8 - 0.5) / (1 - 0.5))


def test_unknown_classes_are_wrong_answers():
    classes = np.array([0, 1] * 10 + [0, 1, 3, 3] * 5)
    codes, video_id = np.eye(4)[classes], np.arange(40).astype(str)
    assert class_score(codes, classes, video_id, np.arange(40) < 20) == pytest.approx((0.5 - 0.25) / 0.75)


def test_logistic_regression_meets_the_conditions_of_its_minimum(random):
    """At the minimum the mean error of the probabilities, weighted by a code, equals the pull of the penalty: for two
    classes and one code, weights w and -w, mean((p - label) * code) = -strength * w. Offsets are free: mean(p - label)
    = 0."""
    codes = random.normal(size=(50, 1))
    labels = (codes[:, 0] + random.normal(size=50) > 0.3).astype(int)
    answer = logistic_regression(codes, labels * 7, 0.5)
    asked = np.linspace(-3, 3, 2001)[:, None]
    border = asked[(answer(asked) == 7).argmax(), 0]
    known = (codes[:, 0] - codes.mean()) / codes.std()
    border = (border - codes.mean()) / codes.std()

    def unmet(weight: float) -> tuple[float, float]:
        error = 1 / (1 + np.exp(-2 * weight * (known - border))) - labels
        return (error * known).mean() + 0.5 * weight, error.mean()

    weights = np.linspace(0, 2, 2001)
    best = weights[np.argmin([abs(unmet(weight)[0]) for weight in weights])]
    assert unmet(best) == pytest.approx((0, 0), abs=2e-3)
    assert set(answer(codes).tolist()) <= {0, 7}


def test_codes_beyond_the_fitted_half_do_not_run_away(random):
    clips = [clip(random, video) for video in range(80)]
    for example in clips[1::2]:
        example.pose[:, 3] = 1e6
    for example in clips[::2]:
        example.pose[:, 3] = 1 + 1e-6 * random.normal()
    assert probe_matrix(clips, POSITION)["time_varying"]["color"] > -1
