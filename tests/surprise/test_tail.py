import numpy as np
import pytest

from pipeline.surprise.tail import Tail


def test_what_was_seen_is_counted():
    tail = Tail(np.arange(1000.0))
    np.testing.assert_allclose(tail.rarity(np.array([0.0, 500, 800])), [1, 0.5, 0.2], atol=0.002)
    assert tail.rarity(np.array([np.nan, -np.inf])).tolist() == [1, 1]


def test_one_in_thousands_means_something_where_hundreds_were_seen():
    tail = Tail(np.random.default_rng(0).exponential(3, 800))
    true = np.array([1e-2, 1e-3])
    found = tail.rarity(-3 * np.log(true))
    assert (found > true / 2.5).all() and (found < true * 2.5).all()
    assert (np.diff(tail.rarity(np.linspace(0, 60, 500))) <= 0).all()


def test_few_things_seen_promise_no_more_than_they_know():
    """One in 1,000, by a hundred things that were each seen in ten frames, is about as frequent, on average."""
    x, frequent = np.linspace(0, 60, 6001), []
    for seed in range(60):
        rarity = Tail(np.random.default_rng(seed).exponential(3, 100).repeat(10)).rarity(x)
        frequent.append(np.exp(-x[rarity < 1e-3][0] / 3))
    assert 0.7e-3 < np.mean(frequent) < 2e-3


@pytest.mark.parametrize("values", [np.zeros(50), np.full(50, -np.inf), np.array([1.0])])
def test_where_nothing_differed_only_what_is_far_off_is_rare(values):
    most = max(0, values.max())
    rarity = Tail(values).rarity(np.array([most + 0.01, most + 50]))
    assert 0 < rarity[1] < rarity[0] <= 1 and rarity[1] < 1e-6


def test_no_values_are_refused():
    with pytest.raises(ValueError):
        Tail(np.empty(0))
