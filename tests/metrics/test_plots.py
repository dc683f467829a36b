"""Curve files as `dvc plots` reads them."""

import csv

import pytest

from pipeline.metrics.plots import write_curve, write_reliability


def test_a_curve_is_one_row_per_step_and_unknown_values_are_empty(tmp_path):
    write_curve(tmp_path / "psnr.csv", {"prediction": [20.25, 19.0], "copy_last": [18.0, None]})
    with (tmp_path / "psnr.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [
        {"step": "1", "prediction": "20.25", "copy_last": "18"}, {"step": "2", "prediction": "19", "copy_last": ""},
    ]


def test_curves_of_unequal_length_are_refused(tmp_path):
    with pytest.raises(ValueError):
        write_curve(tmp_path / "psnr.csv", {"prediction": [20.0], "copy_last": [18.0, 17.0]})


def test_reliability_has_a_row_for_every_bin_with_cases(tmp_path):
    write_reliability(tmp_path / "occupancy.csv", {
        "forecast_by_bin": [0.05, None, 1.0], "came_true_by_bin": [0.125, None, 0.75], "cases_by_bin": [800, 0, 4],
    })
    assert (tmp_path / "occupancy.csv").read_text() == "forecast,came_true,cases\n0.05,0.125,800\n1,0.75,4\n"
