"""What training keeps for its backward pass: counts, so the same on every machine."""

import json

import pytest
import torch
import typer
from typer.testing import CliRunner

from benchmarks import training_memory
from benchmarks.training_memory import count
from benchmarks.training_steps import METHODS, NUM_CLIPS
from pipeline.training.memory import bytes_kept


def kept(method: str, resolution: int, num_frames: int = 20) -> float:
    """MiB per clip."""
    return count(method, resolution, num_frames)["kept_mib_per_clip"]


def test_stage_2_keeps_little_and_at_every_resolution_the_same():
    assert kept("stage 2", 64) == kept("stage 2", 256) <= 1


def test_stage_1_keeps_less_than_a_conventional_predictor():
    assert 5 < kept("stage 1, as trained", 64) < kept("stage 1, all frames", 64) <= 80 < kept("ConvLSTM", 64)


def test_as_trained_stage_1_does_not_care_how_long_a_clip_is():
    assert kept("stage 1, as trained", 64, 10) == kept("stage 1, as trained", 64, 20)


def test_training_the_same_networks_end_to_end_keeps_more():
    assert kept("end to end", 64) > kept("stage 1, all frames", 64) + kept("stage 2", 64)


@pytest.mark.parametrize("method, published", [("ConvLSTM", 82), ("SVG-LP", 371)])
def test_conventional_predictors_keep_what_they_are_known_to(method, published):
    assert kept(method, 64) == pytest.approx(published, rel=0.05)


@pytest.mark.parametrize("method", ["stage 2", "stage 1, as trained", "end to end"])
def test_what_is_counted_without_computing_is_what_computing_keeps(method):
    step = METHODS[method](64, 10, "cpu")
    assert bytes_kept(step.modules, step.loss) / NUM_CLIPS / 2**20 == pytest.approx(kept(method, 64, 10), rel=0.01)
    step.loss().backward()
    gradients = [parameter.grad for module in step.modules for parameter in module.parameters()]
    trained = [gradient for gradient in gradients if gradient is not None]
    assert trained and all(gradient.isfinite().all() for gradient in trained)


def test_the_command_prints_draws_and_writes(tmp_path, monkeypatch):
    monkeypatch.setattr(training_memory, "RESOLUTIONS", (16,))
    monkeypatch.setattr(training_memory, "LENGTHS", (4, 20))
    monkeypatch.setattr(training_memory, "METHODS", {name: METHODS[name] for name in ("stage 2", "ConvLSTM")})
    monkeypatch.setattr(training_memory, "PLOTTED", {"num_frames": 20, "resolution": 16})
    app = typer.Typer()
    app.command()(training_memory.main)
    options = ["--json", str(tmp_path / "figures.json"), "--plot", str(tmp_path / "plot.png"), "--measure-up-to", "0"]
    result = CliRunner().invoke(app, options)
    assert result.exit_code == 0, result.output
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert [(row["method"], row["num_frames"]) for row in figures] == [
        ("stage 2", 4), ("ConvLSTM", 4), ("stage 2", 20), ("ConvLSTM", 20),
    ]
    assert f"{figures[0]['kept_mib_per_clip']:.3g}" in result.output
    assert (tmp_path / "plot.png").stat().st_size > 5000


def test_the_peak_of_a_step_is_measured():
    torch.manual_seed(0)
    step = count("stage 1, as trained", 16, 4)
    peak = training_memory.peak_of_a_step("stage 1, as trained", 16, 4)
    assert step["kept_mib_per_clip"] < peak < 2000
