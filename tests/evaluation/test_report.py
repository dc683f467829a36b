"""The curves and the printed tables."""

import copy
import csv
import io

from rich.console import Console

from pipeline.evaluation.report import DEFINITIONS, definitions, print_report, write_curves


def figures(psnr: float) -> dict:
    names = ("psnr", "ssim", "mse", "mae")
    by_step = {f"{name}_by_step": [psnr + 1, psnr - 1] for name in names}
    by_step |= {f"{name}_interval": [psnr - 0.5, psnr + 0.5] for name in names}
    error = {"mean_by_step": [1.0, 3.0], "median_by_step": [0.5, None]}
    return {"psnr": psnr, "ssim": 0.5, "mse": 30.123456789, "mae": 60.0, **by_step, "position_error": error}


BEST = {"psnr": 25.5, "ssim": 0.8, "mse": 20.0, "mae": 40.0}
BEST |= {f"{name}_{what}": value for name in tuple(BEST) for what, value in (("gap", 1.5), ("interval", None))}
SAMPLES = {
    "calibration": {f"coverage_{share}{rest}": value for share in (50, 90) for rest, value in (
        ("", 0.44), ("_by_step", [0.33, None]), ("_reachable", share / 100))},
    "nearest_sample_error": {"mean_by_step": [0.5, 0.6], "median_by_step": [0.25, 0.75]},
    "diversity": {"position": 1.25, "position_by_step": [0.5, 2.0], "psnr": 31.0, "psnr_by_step": [33.0, 29.0]},
}
METRICS = {
    "protocol": {
        "context_frames": 10, "horizon": 2, "num_samples": 5, "spread": "full", "num_clips": 60,
        "resolution": "64x64x3", "split": "test", "data": "60 sequences", "definitions": DEFINITIONS,
    },
    "reconstruction": {"psnr": 30.0, "ssim": 0.9, "median_background_psnr": 20.0, "median_background_ssim": 0.7},
    "prediction": {**figures(24.0), "best_of_samples": BEST, **SAMPLES},
    "baselines": {"copy_last": figures(20.0), "linear_extrapolation": figures(22.0)},
    "compression": {"floats_per_frame": 48.5, "ratio": 253.3},
    "decomposition": {"fg_ari": None, "fg_miou": 0.71, "identity_consistency": 0.97},
}


def printed(metrics: dict) -> str:
    stream = io.StringIO()
    print_report(metrics, Console(file=stream, width=80))
    return stream.getvalue()


def test_curves_hold_the_prediction_and_both_baselines(tmp_path):
    write_curves(tmp_path, METRICS)
    with (tmp_path / "psnr.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["step", "prediction", "copy_last", "linear_extrapolation"],
            ["1", "25", "21", "23"],
            ["2", "23", "19", "21"],
        ]
    assert {file.stem for file in tmp_path.iterdir()} == {"psnr", "ssim", "mse", "mae", "position_error"}


def test_the_report_shows_figures_beside_baselines_and_the_protocol():
    text = printed(METRICS)
    for label, psnr in (("prediction", "24.00"), ("copy last", "20.00"), ("straight on", "22.00")):
        assert psnr in next(line for line in text.splitlines() if label in line)
    assert "25.50" in next(line for line in text.splitlines() if "best of 5 samples" in line)
    assert "10 frames given, 2 forecast, 5 samples (spread: full)" in " ".join(text.split())
    assert "fg_miou" in text and "0.710" in text


def test_the_report_shows_error_bars_and_how_far_samples_stray():
    lines = [line.strip() for line in printed(METRICS).splitlines()]
    error_bars = [line.split() for line in lines[next(i for i, line in enumerate(lines) if line == "error bars"):]]
    assert ["psnr", "24.00", "23.50-24.50", "25.50", "1.50", "22.00", "21.50-22.50"] in error_bars
    cells = {label: next(line for line in lines if line.startswith(label)).split()[len(label.split()):] for label in (
        "coverage of the central 90 %", "nearest sample, px  ", "apart, px", "apart, psnr")}
    assert list(cells.values()) == [
        ["0.44", "0.33", "-", "0.90"], ["-", "0.25", "0.75"], ["1.25", "0.50", "2.00"], ["31.00", "33.00", "29.00"],
    ]


def test_what_moves_has_a_figure_beside_the_mean_within_80_columns():
    metrics = copy.deepcopy(METRICS)
    metrics["prediction"] |= {"psnr_moving": 17.125, "psnr_moving_interval": None}
    metrics["baselines"]["linear_extrapolation"] |= {"psnr_moving": 16.0, "psnr_moving_interval": None}
    metrics["prediction"]["without_carried_pictures"] = figures(18.0)
    text = printed(metrics)
    cells = next(line for line in text.splitlines() if line.strip().startswith("prediction")).split()
    assert cells[:5] == ["prediction", "24.00", "25.00", "23.00", "17.12"]
    assert any(line.split() == ["psnr", "moving", "17.12", "-", "-", "-", "16.00", "-"] for line in text.splitlines())
    assert "…" not in text and max(map(len, text.splitlines())) <= 80


def test_a_forecast_from_its_codes_alone_stands_below_the_mixed_one():
    metrics = copy.deepcopy(METRICS)
    assert "its codes alone" not in next(line for line in printed(metrics).splitlines() if "24.00" in line)
    metrics["prediction"]["without_carried_pictures"] = figures(18.0)
    lines = printed(metrics).splitlines()
    assert ["18.00", "19.00", "17.00"] == next(line for line in lines if "from its codes alone" in line).split()[4:7]


def test_a_single_sample_has_no_table_of_samples():
    metrics = copy.deepcopy(METRICS)
    metrics["protocol"]["num_samples"] = 1
    for name in ("diversity", "calibration"):
        del metrics["prediction"][name]
    assert "coverage of" not in printed(metrics)


def test_the_report_shows_what_each_code_knows_within_80_columns():
    metrics = copy.deepcopy(METRICS)
    scores = {"position": 0.994, "velocity": 0.9, "shape": None, "color": -0.1}
    metrics["disentanglement"] = {
        "background_psnr_behind_objects": 48.3, "intervention_error_px": 0.5,
        "probes": {"time_independent": scores, "time_varying": {**scores, "shape": 0.77}},
    }
    text = printed(metrics)
    line = next(line for line in text.splitlines() if "time varying" in line)
    assert line.split()[-4:] == ["0.99", "0.90", "0.77", "-0.10"]
    assert "0.500" in next(line for line in text.splitlines() if "intervention_error_px" in line)
    assert "…" not in text and max(map(len, text.splitlines())) <= 80


def test_the_report_does_without_ground_truth():
    metrics = copy.deepcopy(METRICS)
    del metrics["decomposition"]
    for section in (metrics["prediction"], *metrics["baselines"].values()):
        del section["position_error"]
    del metrics["prediction"]["calibration"], metrics["prediction"]["nearest_sample_error"]
    text = printed(metrics)
    assert "px 2" not in text and "prediction" in text
    assert "wanted" not in text and "wanted" in printed(METRICS)


def test_only_figures_that_there_are_are_defined():
    """Most of what is left out is said of true objects."""
    metrics = copy.deepcopy(METRICS)
    said = {text.partition(":")[0] for text in definitions(metrics)}
    assert {"psnr", "px", "coverage", "fg_ari", "apart"} <= said and not {"probes", "presence"} & said
    del metrics["decomposition"], metrics["prediction"]["calibration"], metrics["prediction"]["nearest_sample_error"]
    for section in (metrics["prediction"], *metrics["baselines"].values()):
        del section["position_error"]
    assert {text.partition(":")[0] for text in definitions(metrics)} == said - {
        "px", "nearest sample, px", "coverage", "fg_ari", "fg_miou", "identity_consistency"}


def test_the_mean_picture_stands_beside_the_samples():
    metrics = copy.deepcopy(METRICS)
    metrics["prediction"]["mean_picture"] = figures(24.5)
    line = next(line for line in printed(metrics).splitlines() if "mean as one picture" in line and "24.50" in line)
    assert line.split()[4:7] == ["24.50", "25.50", "23.50"]
