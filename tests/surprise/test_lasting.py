import numpy as np
import pytest

from pipeline.surprise.scores import KINDS, LASTING, OF_FRAMES, OF_OBJECTS, Scores

NAN, NO = np.nan, -np.inf


def scores(nats: list[float]) -> Scores:
    """Of one object and of the frame the same, in every kind."""
    values = np.array(nats, float)
    h = len(values)
    return Scores({kind: values[:, None] for kind in OF_OBJECTS}, {kind: values for kind in OF_FRAMES},
                  np.zeros((h, 1, 4)), np.zeros((h, 4)), np.zeros((1, 2)), np.zeros((h, 1), int))


def of(found: Scores, kind: str) -> list[float]:
    return found.by_kind()[kind].reshape(-1).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_slip_of_one_frame_surprises_by_no_place(kind):
    found = scores([0, 9, 0, 5, 7, 6, 8]).lasting(2, later=False)
    assert of(found, kind) == ([0, 0, 0, 5, 6, 6, 8] if kind in LASTING else [0, 9, 0, 5, 7, 6, 8])


def test_what_is_lost_again_was_not_found():
    found = scores([4, 5, NAN, 3, 3])
    np.testing.assert_equal(found.lasting(1, later=False).by_kind()["pose"][:, 0], [4, NO, NAN, 3, 3])


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_of_the_last_frames_the_next_window_tells_more(frames):
    found = scores([1, 2, 3, 4]).lasting(frames, later=True)
    np.testing.assert_equal(found.by_kind()["new"], [1, 2, 3, 4][:4 - frames] + [NAN] * frames)
    assert found.most("pose").tolist() == [1, 2, 3, 4][:4 - frames] + [NO] * frames
    assert of(found, "scene") == [1, 2, 3, 4]


def test_a_window_shorter_than_that():
    assert of(scores([3]).lasting(2, later=False), "pose") == [3]
