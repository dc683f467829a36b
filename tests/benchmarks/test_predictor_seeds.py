import io

import pytest
from rich.console import Console

from benchmarks.autoencoder_seeds import summarise
from benchmarks.predictor_seeds import BARS, figures, print_table

METRICS = {
    "prediction": {"psnr": 32.0, "psnr_by_step": [35.0, 29.0], "ssim_by_step": [0.95, 0.90],
                   "position_error": {"median_by_step": [0.5, 1.5]}, "calibration": {"coverage_90": 0.85}},
    "baselines": {
        "copy_last": {"psnr": 25.0, "psnr_by_step": [30.0, 20.0], "ssim_by_step": [0.96, 0.80]},
        "linear_extrapolation": {"psnr_by_step": [34.0, 28.75], "ssim_by_step": [0.9, 0.8]},
    },
    "reconstruction": {"psnr": 34.5},
}
COSTS = {stage: {"seconds": 90.0, "peak_resident_gib": 0.5} for stage in ("train_predictor", "generate", "evaluate")}


def test_margins_are_those_of_the_worst_step():
    found = figures(METRICS, COSTS)
    assert found["above_copy_last"] == 7 and found["above_copy_last_by_step"] == 5
    assert found["above_linear_by_step"] == 0.25
    assert found["ssim_above_copy_last_by_step"] == pytest.approx(-0.01)
    assert found["below_reconstruction_first"] == -0.5 and found["below_reconstruction_last"] == 5.5
    assert (found["position_error_first"], found["position_error_last"], found["coverage"]) == (0.5, 1.5, 0.85)
    assert found["train_predictor_minutes"] == 1.5 and found["memory_mib"] == 512
    reached = {row["figure"]: row["reached"] for row in summarise([found], BARS)}
    assert not reached["ssim above copy_last, least step"] and not reached["memory of train_predictor, MiB"]
    assert sum(is_reached is False for is_reached in reached.values()) == 2


def test_what_has_no_bar_is_shown_and_neither_reached_nor_missed():
    rows = summarise([figures(METRICS, COSTS)], BARS)
    assert {row["figure"] for row in rows if row["reached"] is None} == {"psnr, dB", "coverage of 90 %"}
    console = Console(width=100, file=io.StringIO())
    print_table("mixture", rows, [0], console)
    lines = console.file.getvalue().splitlines()
    cells = {label: next(line for line in lines if f"{label} " in line).replace("│", " ").split() for label in (
        "psnr, dB", "coverage of 90 %", "generate, min")}
    assert cells["psnr, dB"] == ["psnr,", "dB", "32", "32"] and cells["coverage of 90 %"][-2:] == ["0.85", "0.85"]
    assert cells["generate, min"][-3:] == ["≤", "3", "yes"]
