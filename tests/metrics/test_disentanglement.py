"""Probes on codes whose knowledge is known, and against a ridge regression written another way."""

import numpy as np
import pytest

from pipeline.metrics.disentanglement import Examples, examples_of_clip, position_figures, probe_r2, ridge_regression
from pipeline.metrics.segmentation import UNMATCHED


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def clip(random: np.random.Generator, video: int, num_frames: int = 20) -> Examples:
    position = random.uniform(0, 64, 2) + np.arange(num_frames)[:, None] * random.normal(size=2)
    pose = np.concatenate([position * 0.5 + 3, random.normal(size=(num_frames, 2))], 1)
    appearance = np.broadcast_to(random.normal(size=6), (num_frames, 6))
    return Examples(pose, appearance, position, np.full(num_frames, f"video {video:03}", dtype=object))


def test_a_code_that_is_the_position_scores_one_and_one_that_is_not_about_zero(random):
    figures = position_figures([clip(random, video) for video in range(200)])
    assert figures["position_r2_time_varying"] > 0.999
    assert -0.3 < figures["position_r2_time_independent"] < 0.1


def test_a_code_that_leaves_what_was_seen_does_not_hide_what_the_others_know(random):
    clips = [clip(random, video) for video in range(200)]
    for video, examples in enumerate(clips):  # a visibility near 1, but for one frame of the half that is asked
        examples.pose[:, 3] = 1 - 1e-6 * random.uniform(size=20)
        examples.pose[7, 3] *= video != 101
    assert position_figures(clips)["position_r2_time_varying"] > 0.999


def test_ridge_equals_least_squares_with_extra_rows(random):
    codes, factors = random.normal(size=(60, 5)) * 3 + 1, random.normal(size=(60, 2))
    unseen = random.normal(size=(7, 5))
    centre, spread, offset = codes.mean(0), codes.std(0), factors.mean(0)
    # Ridge regression is least squares with sqrt(M * strength) I appended to the codes and zeros to the answers.
    extra = np.sqrt(60 * 0.7) * np.eye(5)
    known = np.concatenate([(codes - centre) / spread, extra])
    weights = np.linalg.lstsq(known, np.concatenate([factors - offset, np.zeros((5, 2))]), rcond=None)[0]
    wanted = (unseen - centre) / spread @ weights + offset
    np.testing.assert_allclose(ridge_regression(codes, factors, 0.7)(unseen), wanted)


def test_r2_is_one_minus_the_unexplained_share_on_the_held_out_half(random):
    codes = np.repeat(random.normal(size=(40, 1)), 2, 0)
    codes[:4] = np.array([-9, -9, 9, 9])[:, None]  # the fitted half shows more than the other
    factors = np.concatenate([codes * 5 + 2, random.normal(size=codes.shape)], 1)
    fitted, videos = np.arange(80) < 40, np.repeat(np.arange(40), 2).astype(str)
    factors[~fitted, 0] += np.tile([0.5, -0.5], 20)
    line, noise = probe_r2(codes, factors[:, :1], videos, fitted), probe_r2(codes, factors[:, 1:], videos, fitted)
    assert line == pytest.approx(1 - 0.25 / factors[~fitted, 0].var(), abs=1e-3)
    assert probe_r2(codes, factors, videos, fitted) == pytest.approx((line + noise) / 2, abs=0.05)


def test_many_dimensions_do_not_hide_what_a_code_knows(random):
    """70 objects for 64 dimensions: with a fixed weak penalty the probe would learn the objects by heart."""
    examples = []
    for video in range(140):
        example = clip(random, video)
        appearance = random.normal(size=64) * 0.3
        appearance[7] = example.position[:, 0].mean() / 10
        examples.append(Examples(example.pose, np.tile(appearance, (20, 1)), example.position, example.video_id))
    assert 0.1 < position_figures(examples)["position_r2_time_independent"] < 0.5


def test_no_video_is_on_both_sides(random):
    # The code names the video and nothing else: what it learnt of one half's videos says nothing about the other's.
    clips = [clip(random, video // 2) for video in range(8)]
    named = [
        Examples(np.eye(4)[np.full(20, i // 2)], example.appearance, example.position, example.video_id)
        for i, example in enumerate(clips)
    ]
    assert position_figures(named)["position_r2_time_varying"] < 0.1


def test_too_few_videos_cannot_be_probed(random):
    assert set(position_figures([clip(random, 0), clip(random, 1)]).values()) == {None}


def test_examples_follow_the_matching_and_leave_out_what_is_not_seen():
    pose = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    appearance = np.arange(3 * 5).reshape(3, 5)
    position = np.arange(2 * 2 * 2).reshape(2, 2, 2)
    shown = np.array([[True, True], [False, True]])
    both = examples_of_clip(pose, appearance, position, np.array([2, 0]), shown, "a")
    np.testing.assert_array_equal(both.pose, [pose[0, 2], pose[0, 0], pose[1, 0]])
    np.testing.assert_array_equal(both.appearance, appearance[[2, 0, 0]])
    np.testing.assert_array_equal(both.position, [position[0, 0], position[0, 1], position[1, 1]])
    assert both.video_id.tolist() == ["a"] * 3
    one = examples_of_clip(pose, appearance, position, np.array([UNMATCHED, 0]), shown, "a")
    np.testing.assert_array_equal(one.pose, pose[:, 0])
