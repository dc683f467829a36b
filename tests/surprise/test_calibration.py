import numpy as np

from pipeline.surprise import calibration as module
from pipeline.surprise.calibration import Calibration
from pipeline.surprise.places import SITUATIONS
from pipeline.surprise.scores import KINDS, OF_FRAMES, OF_OBJECTS, Scores


def scores(pose: np.ndarray, situation: np.ndarray) -> Scores:
    """Of objects whose places surprise by pose [h, K]."""
    h, K = pose.shape
    return Scores({kind: pose if kind == "pose" else np.zeros((h, K)) for kind in OF_OBJECTS},
                  {kind: np.zeros(h) for kind in OF_FRAMES}, np.zeros((h, K, 4)), np.zeros((h, 4)), np.zeros((K, 2)),
                  situation)


def test_a_place_is_compared_with_those_of_the_same_situation():
    random = np.random.default_rng(0)
    places = {name: random.exponential(1 + 9 * number, 1000) for number, name in enumerate(SITUATIONS)}
    found = Calibration({kind: np.zeros(100) for kind in KINDS}, places).compared(
        scores(np.array([[6.0, 6.0, np.nan, -np.inf]]), np.array([[0, 3, 1, 2]])))
    free, crossing = found.of_objects["pose"][0, :2]
    assert 3 < free < 6 and 0 <= crossing < 0.7
    np.testing.assert_equal(found.of_objects["pose"][0, 2:], [np.nan, -np.inf])
    assert np.array_equal(found.of_objects["vanished"], np.zeros((1, 4)))


def test_few_objects_in_a_situation_say_little_of_it():
    random = np.random.default_rng(0)
    places = {name: random.exponential(2, 1000) for name in SITUATIONS}
    places |= {"free": np.zeros(20), "near both": np.empty(0)}
    compares = Calibration({kind: np.zeros(100) for kind in KINDS}, places)
    free, crossing, never = compares.compared(
        scores(np.array([[8.0, 8.0, 8.0]]), np.array([[0, 1, 3]]))).of_objects["pose"][0]
    assert 3 < crossing < 5 and crossing <= free < 5 and abs(never - crossing) < 0.5


def test_without_objects_no_place_surprises():
    nothing = scores(np.empty((3, 0)), np.empty((3, 0), int))
    compares = Calibration({}, module._places([nothing]))
    assert [most.tolist() for most in module._most(compares, [(5, nothing)])] == [[-np.inf] * 3 + [0, 0]] * 3
