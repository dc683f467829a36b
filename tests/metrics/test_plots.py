"""Curve files as `dvc plots` reads them."""

import csv

import pytest

from pipeline.metrics.plots import write_curve


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
