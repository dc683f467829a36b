"""An object has one number in all sequences that show it together."""

import numpy as np
import torch

from pipeline.tracks_export.numbers import Numbers
from tests.tracks_export.made import codes


def places(start: int, order: list[int], num_frames: int = 6) -> np.ndarray:
    """[1, T, K, 2] px of objects far apart that move, in an order of slots."""
    t = np.arange(start, start + num_frames, dtype=np.float32)[:, None]
    x = np.array([0, 100, 200], np.float32)[order] + t
    return np.stack([x, x * 0], -1)[None]


def test_numbers_go_on_where_sequences_overlap():
    numbers = Numbers(num_given=6)
    assert numbers.of("a", 0, codes(places(0, [0, 1, 2]), present=2)).tolist() == [1, 2, 0]
    assert numbers.of("a", 3, codes(places(3, [1, 2, 0]))).tolist() == [2, 3, 1]
    assert numbers.of("a", 9, codes(places(9, [0, 1, 2]))).tolist() == [4, 5, 6], "they share no frame"
    assert numbers.of("b", 10, codes(places(10, [0, 1, 2]))).tolist() == [1, 2, 3]


def test_what_a_sequence_between_did_not_find_keeps_its_number():
    numbers = Numbers(num_given=6)
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    missed = codes(places(2, [0, 1, 2]))
    assert numbers.of("a", 2, missed.replace(presence=torch.tensor([[1.0, 0, 1]]))).tolist() == [1, 0, 3]
    assert numbers.of("a", 4, codes(places(4, [0, 1, 2]))).tolist() == [1, 2, 3]


def test_what_was_forecast_is_no_common_frame():
    numbers = Numbers(num_given=2)
    numbers.of("a", 0, codes(places(0, [0, 1, 2])))
    assert numbers.of("a", 2, codes(places(2, [0, 1, 2]))).tolist() == [4, 5, 6]
