import numpy as np
import pytest

from pipeline.surprise.sliding import Frame, by_frame, stride_of, windows

GIVEN = 3


def stream(*runs: int):
    number = 0
    for length in runs:
        for i in range(length):
            yield Frame(number, np.full((1, 1, 1), number, np.uint8), begins=i == 0)
            number += 1


def numbers(window: np.ndarray) -> list[int]:
    return window[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("ahead", [1, 2, 3, 4])
@pytest.mark.parametrize("length", range(14))
def test_every_frame_but_the_first_context_comes_after_contexts_near_and_far(length, ahead):
    found = list(windows(stream(length), GIVEN, ahead))
    scored = [number for _, window in found for number in numbers(window)[GIVEN:]]
    assert sorted(set(scored)) == list(range(GIVEN, length))
    assert [first for first, _ in found] == list(range(GIVEN, length, stride_of(ahead)))
    for first, window in found:
        assert numbers(window) == list(range(first - GIVEN, min(first + ahead, length)))


def test_no_window_spans_a_beginning():
    found = [(first, numbers(window)) for first, window in windows(stream(6, 3, 4), GIVEN, 2)]
    assert found == [(3, [0, 1, 2, 3, 4]), (4, [1, 2, 3, 4, 5]), (5, [2, 3, 4, 5]), (12, [9, 10, 11, 12])]


def test_no_more_is_held_than_a_window_needs():
    seen = []

    def endless():
        for frame in stream(100):
            seen.append(frame.number)
            yield frame

    first, _ = next(iter(windows(endless(), GIVEN, 2)))
    assert first == 3 and seen[-1] == 4


def test_what_windows_found_comes_frame_by_frame():
    found = list(by_frame([(3, "abcd"), (5, "efgh"), (12, "ij")]))
    assert found == [(3, ["a"]), (4, ["b"]), (5, ["c", "e"]), (6, ["d", "f"]), (7, ["g"]), (8, ["h"]), (12, ["i"]),
                     (13, ["j"])]
