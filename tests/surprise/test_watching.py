import numpy as np
import pytest

from pipeline.surprise.calibration import Calibration
from pipeline.surprise.scores import KINDS, OF_FRAMES, OF_OBJECTS, Scores
from pipeline.surprise.watching import moments

NUM_SLOTS, SIDE = 3, 8.0


def calibration(num_frames: int = 400) -> Calibration:
    random = np.random.default_rng(0)
    return Calibration({kind: random.exponential(scale, num_frames) for scale, kind in enumerate(KINDS, 1)}, {})


def window(places: dict[int, np.ndarray], nats: dict[tuple[str, int, int], float], num_frames: int = 4) -> Scores:
    """Objects of slots at places (x, y) [1 + num_frames, 2], the first in the last frame of the context; nats by kind,
    slot and frame, 0 where not said."""
    of_objects = {kind: np.full((num_frames, NUM_SLOTS), np.nan) for kind in OF_OBJECTS}
    of_frames = {kind: np.zeros(num_frames) for kind in OF_FRAMES}
    box, before = np.full((num_frames, NUM_SLOTS, 4), np.nan), np.full((NUM_SLOTS, 2), np.nan)
    for slot, place in places.items():
        before[slot] = place[0]
        box[:, slot] = np.concatenate([place[1:] - SIDE / 2, place[1:] + SIDE / 2], 1)
        for values in of_objects.values():
            values[:, slot] = 0
    for (kind, slot, i), value in nats.items():
        if kind in OF_OBJECTS:
            of_objects[kind][i, slot] = value
        else:
            of_frames[kind][i] = value
    return Scores(of_objects, of_frames, box, np.zeros((num_frames, 4)), before,
                  np.zeros((num_frames, NUM_SLOTS), int))


def still(x: float, num_frames: int = 4) -> np.ndarray:
    return np.tile([x, 20.0], (1 + num_frames, 1))


def test_an_object_keeps_its_number_whichever_slot_it_is_in():
    first = window({0: still(10), 1: still(30)}, {})
    second = window({2: still(10.5), 0: still(29.5), 1: still(50)}, {("pose", 2, 0): 100.0, ("pose", 1, 1): 99.0})
    found = dict(moments(calibration(), [(10, first), (12, second)], SIDE))
    assert sorted(found) == list(range(10, 16))
    assert (found[12][0].kind, found[12][0].thing) == ("pose", 0)
    assert (found[13][0].kind, found[13][0].thing) == ("pose", 2)
    assert {one.thing for one in found[10]} == {None, 0, 1} and {one.thing for one in found[12]} == {None, 0, 1, 2}


def test_of_two_windows_the_more_surprised_counts():
    near, far = window({0: still(10)}, {("pose", 0, 0): 1.0}), window({0: still(10)}, {("pose", 0, 2): 50.0})
    found = dict(moments(calibration(), [(10, far), (12, near)], SIDE))
    (pose,) = [one for one in found[12] if one.kind == "pose"]
    assert pose.nats == 50 and found[12][0] == pose and found[12][0].rarity < 1e-3 < found[13][0].rarity


def test_one_in_a_hundred_means_so_whatever_surprises_and_however_many_do():
    random, known = np.random.default_rng(1), calibration(20000)
    scores = np.stack([random.exponential(scale, 20000) for scale in range(1, 1 + len(KINDS))])
    rarest = np.min([known.rarity(kind, values) for kind, values in zip(KINDS, scores, strict=True)], axis=0)
    for every in (20, 100, 1000):
        assert 0.4 < (rarest < 1 / every).mean() * every < 2.5


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_known_surprises_nobody(kind):
    assert calibration().rarity(kind, np.array([np.nan, -np.inf])).tolist() == [1, 1]
