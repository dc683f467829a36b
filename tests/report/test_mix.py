"""Shares of what forecasts are mixed from, summed over what is alike."""

import pytest
import torch

from pipeline.autoencoder.mix import COLUMNS, Mix
from pipeline.carrying.forecasts import NAMES
from pipeline.report.mix import GROUPS, PLACES, REST, mix_curves


@pytest.fixture
def mix() -> Mix:
    made = Mix(num_channels=3, height=4, width=4, num_steps=2)
    made.straight.zero_()
    made.informed.zero_()
    return made


def curves_of(mix: Mix, trust: list[float], horizon: int) -> dict[str, dict[str, list[float]]]:
    return {curve.title: {line.name: line.values for line in curve.lines}
            for curve in mix_curves(mix, torch.tensor(trust, dtype=torch.float), horizon)}


def test_every_column_is_in_one_group_and_place():
    names = [name for group in GROUPS.values() for name in group]
    assert len(set(names)) == len(names) and {*names, "swing"} == {"layers", *NAMES}
    assert {where for places in PLACES.values() for where in places} == {where for _, where in COLUMNS}


def test_shares_are_summed_where_they_count_and_the_median_fills_them_up(mix):
    shares = {("flow", "everywhere"): 0.5, ("half_speed", "everywhere"): 0.25, ("flow", "cut-outs"): -1}
    for column, share in shares.items():
        mix.straight[:, COLUMNS.index(column)] = share
    around, within = curves_of(mix, [0, 0], 2).values()
    assert around["last frame moved on by its flow"] == [0.75, 0.75] and around[REST] == [0.25, 0.25]
    assert within["last frame moved on by its flow"] == [-0.25, -0.25] and within[REST] == [1.25, 1.25]
    assert around["layers"] == within["layers"] == [0, 0]


def test_tracks_that_are_believed_are_mixed_as_known_ones_and_the_last_step_goes_on(mix):
    mix.straight[0, 0], mix.straight[1, 0], mix.informed[:, 0] = 0.25, 0.5, 1
    shares = curves_of(mix, [0, 0.5, 1], 4)["Where a cut-out and an object of the layers lie"]["layers"]
    assert shares == [0.25, 0.75, 1, 1]
