"""An object has one number in all sequences that show it, if they overlap or follow one another."""

import numpy as np
import pytest
import torch

from pipeline.latents.matching import SAME_PX
from pipeline.tracks_export.numbers import Numbers
from tests.tracks_export.made import codes


def places(start: int, order: list[int], num_frames: int = 6) -> np.ndarray:
    """[1, T, K, 2] px of objects far apart that move, in an order of slots."""
    t = np.arange(start, start + num_frames, dtype=np.float32)[:, None]
    x = np.array([0, 100, 200], np.float32)[order] + t
    return np.stack([x, x * 0], -1)[None]


def test_numbers_go_on_where_sequences_overlap():
    numbers = Numbers(6, None)
    assert numbers.of("a", 0, codes(places(0, [0, 1, 2]), present=2)).tolist() == [1, 2, 0]
    assert numbers.of("a", 3, codes(places(3, [1, 2, 0]))).tolist() == [2, 3, 1]
    assert numbers.of("a", 10, codes(places(10, [0, 1, 2]))).tolist() == [4, 5, 6], "a frame lies between"
    assert numbers.of("b", 16, codes(places(16, [0, 1, 2]))).tolist() == [1, 2, 3]


@pytest.mark.parametrize("object_px, off, is_same", [
    (40, 19, True), (40, 21, False), (None, SAME_PX - 0.1, True), (None, SAME_PX + 0.1, False),
])
def test_numbers_go_on_where_the_next_sequence_follows(object_px, off, is_same):
    """Objects go 1 px a frame; what counts is how far from there they are found."""
    numbers, shift = Numbers(6, object_px), np.array([0, off], np.float32)
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    found = numbers.of("a", 6, codes(places(6, [2, 0, 1]) + shift)).tolist()
    assert found == ([3, 1, 2] if is_same else [4, 5, 6])


def test_a_sequence_that_overlaps_tells_more_than_one_that_ends_before():
    """Objects 1 and 2 exchange places at frame 6, as the sequence between shows."""
    numbers, between = Numbers(6, 40), places(3, [0, 1, 2])
    between[:, 3:] = between[:, 3:, [1, 0, 2]]
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    assert numbers.of("a", 3, codes(between)).tolist() == [1, 2, 3]
    assert numbers.of("a", 6, codes(places(6, [0, 1, 2]))).tolist() == [2, 1, 3]


def test_what_a_sequence_between_did_not_find_keeps_its_number():
    numbers = Numbers(6, None)
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    missed = codes(places(2, [0, 1, 2]))
    assert numbers.of("a", 2, missed.replace(presence=torch.tensor([[1.0, 0, 1]]))).tolist() == [1, 0, 3]
    assert numbers.of("a", 4, codes(places(4, [0, 1, 2]))).tolist() == [1, 2, 3]


def test_what_was_forecast_is_no_common_frame():
    numbers = Numbers(2, None)
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    assert numbers.of("a", 3, codes(places(3, [0, 1, 2]))).tolist() == [4, 5, 6]
