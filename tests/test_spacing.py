import numpy as np
import pytest

from pipeline.spacing import evenly_spaced


@pytest.mark.parametrize(("count", "num_chosen", "wanted"), [
    (20, 3, [0, 10, 19]), (10, 4, [0, 3, 6, 9]), (3, 5, [0, 1, 2]), (7, 1, [0]), (1, 4, [0]), (5, 0, []), (0, 3, []),
])
def test_the_nearest_places_with_both_ends(count, num_chosen, wanted):
    chosen = evenly_spaced(count, num_chosen)
    assert chosen.tolist() == wanted and chosen.dtype == np.int64


@pytest.mark.parametrize("count", [2, 96, 1023, 10_000_000])
def test_none_is_chosen_twice_and_none_lies_outside(count):
    """In single precision the last places of many would be rounded past the end."""
    for num_chosen in (2, 7, 96, 8192):
        steps = np.diff(chosen := evenly_spaced(count, num_chosen))
        assert len(chosen) == min(count, num_chosen) and chosen[0] == 0 and chosen[-1] == count - 1
        assert 0 < steps.min() and steps.max() - steps.min() <= 1
