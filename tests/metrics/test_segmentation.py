"""Segmentation scores against counting by hand and against brute force over pairs and permutations."""

from itertools import combinations, permutations

import numpy as np
import pytest

from pipeline.metrics.segmentation import (
    UNMATCHED,
    adjusted_rand_index,
    decomposition_figures,
    fg_ari,
    fg_miou,
    identity_kept,
    intersection_over_union,
    match_slots,
    overlap_counts,
    visible,
)


@pytest.fixture
def random_pair() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, (3, 6, 7)).astype(np.uint8)
    predicted = np.where(random.random(truth.shape) < 0.7, (truth * 2) % 5, random.integers(0, 6, truth.shape))
    return truth, predicted


def rand_index_by_pairs(truth: np.ndarray, predicted: np.ndarray) -> float:
    """(pairs together in both - expected) / (mean of pairs together in each - expected), counted one pair at a time."""
    pairs = list(combinations(range(len(truth)), 2))
    in_truth = sum(truth[i] == truth[j] for i, j in pairs)
    in_prediction = sum(predicted[i] == predicted[j] for i, j in pairs)
    in_both = sum(truth[i] == truth[j] and predicted[i] == predicted[j] for i, j in pairs)
    expected = in_truth * in_prediction / len(pairs)
    return (in_both - expected) / ((in_truth + in_prediction) / 2 - expected)


def test_counts_are_pixels(random_pair):
    truth, predicted = random_pair
    counts = overlap_counts(truth, predicted, 3, 5)
    assert counts.shape == (3, 4, 6)
    for t, i, k in np.ndindex(counts.shape):
        assert counts[t, i, k] == ((truth[t] == i) & (predicted[t] == k)).sum()


def test_fg_ari_equals_counting_pairs_of_foreground_pixels(random_pair):
    truth, predicted = random_pair
    by_frame = [rand_index_by_pairs(t[t > 0], p[t > 0]) for t, p in zip(truth, predicted, strict=True)]
    assert fg_ari(overlap_counts(truth, predicted, 3, 5)) == pytest.approx(np.mean(by_frame))


def test_adjusted_rand_index_of_trivial_partitions():
    assert adjusted_rand_index(np.array([[5]])) == 1.0
    assert adjusted_rand_index(np.array([[1, 0], [0, 1]])) == 1.0
    assert adjusted_rand_index(np.array([[3], [3]])) == 0.0


def test_fg_ari_needs_two_objects_and_skips_frames_without_any():
    truth = np.zeros((2, 2, 4), dtype=int)
    truth[0, :, :2] = 1
    assert fg_ari(overlap_counts(truth, truth, 2, 2)) is None
    truth[0, :, 2] = 2
    assert fg_ari(overlap_counts(truth, truth, 2, 2)) == 1.0


def test_fg_miou_equals_the_best_permutation(random_pair):
    truth, predicted = random_pair
    overlap = np.array([
        [((truth == i) & (predicted == k)).sum() / ((truth == i) | (predicted == k)).sum() for k in range(1, 6)]
        for i in range(1, 4)
    ])
    counts = overlap_counts(truth, predicted, 3, 5)
    np.testing.assert_allclose(intersection_over_union(counts), overlap)
    best = max(permutations(range(5), 3), key=lambda slots: sum(overlap[i, k] for i, k in enumerate(slots)))
    assert match_slots(counts).tolist() == list(best)
    assert fg_miou(counts) == pytest.approx(np.mean([overlap[i, k] for i, k in enumerate(best)]))


def test_unmatched_objects_count_zero_and_absent_ones_not_at_all():
    truth = np.zeros((1, 4, 6), dtype=int)
    truth[0, :, 0], truth[0, :, 1], truth[0, :, 2] = 1, 2, 3
    predicted = np.where(truth == 1, 1, 0)
    counts = overlap_counts(truth, predicted, 4, 1)  # object 4 never shows
    assert match_slots(counts).tolist() == [0, UNMATCHED, UNMATCHED, UNMATCHED]
    assert visible(counts).tolist() == [[True, True, True, False]]
    assert fg_miou(counts) == pytest.approx(1 / 3)
    assert fg_miou(overlap_counts(np.zeros_like(truth), predicted, 4, 1)) is None


def test_identity_is_kept_until_two_objects_swap_slots():
    truth = np.zeros((4, 2, 4), dtype=int)
    truth[:, :, 0], truth[:3, :, 3] = 1, 2  # object 2 is out of view in the last frame
    predicted = truth.copy()
    predicted[2] = np.where(truth[2] == 1, 2, np.where(truth[2] == 2, 1, 0))
    kept = identity_kept(overlap_counts(truth, predicted, 2, 2))
    assert len(kept) == 7
    assert kept.tolist() == [True, True, True, True, False, False, True]


def test_an_object_that_no_slot_touches_does_not_keep_its_identity():
    truth = np.zeros((1, 2, 4), dtype=int)
    truth[:, :, 0] = 1
    counts = overlap_counts(truth, np.zeros_like(truth), 1, 3)
    assert identity_kept(counts).tolist() == [False]
    assert fg_miou(counts) == 0.0


def test_a_perfect_decomposition_under_other_slot_numbers_scores_one(random_pair):
    truth, _ = random_pair
    counts = overlap_counts(truth, np.array([0, 3, 1, 2])[truth], 3, 4)
    assert decomposition_figures([counts, counts]) == {"fg_ari": 1.0, "fg_miou": 1.0, "identity_consistency": 1.0}


def test_clips_without_a_figure_do_not_pull_its_mean_down():
    one_object = np.zeros((1, 2, 4), dtype=int)
    one_object[0, 0] = 1
    nothing = overlap_counts(np.zeros_like(one_object), one_object, 1, 1)
    figures = decomposition_figures([overlap_counts(one_object, one_object, 1, 1), nothing])
    assert figures == {"fg_ari": None, "fg_miou": 1.0, "identity_consistency": 1.0}
