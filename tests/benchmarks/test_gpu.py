"""That the stages are run in both precisions and their figures put side by side; the figures are the machine's."""

import json

import pytest
import torch
from rich.console import Console
from ruamel.yaml import YAML
from safetensors.torch import save_file
from typer.testing import CliRunner

from benchmarks import gpu
from benchmarks.stage_runs import ROOT
from pipeline.settings.settings import check_settings

COST = {"seconds": 2.0, "peak_resident_gib": 1.0, "peak_cuda_allocated_gib": 0.5, "peak_cuda_reserved_gib": 0.7,
        "frames_per_second": 80.0}


def test_without_a_gpu_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    result = CliRunner().invoke(gpu.app, [str(tmp_path), "--folder", str(tmp_path / "out")])
    assert result.exit_code == 2 and "wanted an NVIDIA GPU, found none" in result.stderr
    assert result.stderr.count("\n") == 1 and not (tmp_path / "out").exists()


@pytest.mark.parametrize("precision", ["bf16", "no"])
def test_the_preset_is_run_with_that_precision_and_so_many_steps(tmp_path, precision):
    path = tmp_path / "params.yaml"
    gpu.write_settings(path, ROOT / "presets/gpu_128.yaml", tmp_path, precision, {"train_predictor": 7})
    settings = check_settings(path, YAML(typ="safe", pure=True).load(path))
    assert settings.preprocess.width == 128 and settings.preprocess.source == tmp_path
    training = settings.train_predictor.training
    assert (training.precision, training.num_steps, training.validate_every) == (precision, 7, 7)
    assert settings.train_autoencoder.training.num_steps == 20000


def test_both_precisions_and_two_processes_stand_side_by_side(tmp_path, monkeypatch):
    ran = []

    def run_stage(stage, params, folder, num_processes=1, /, **elsewhere):
        ran.append((stage, folder.name, num_processes))
        training = YAML(typ="safe", pure=True).load(params)["train_predictor"]["training"]
        assert training["precision"] == ("bf16" if folder.name == "bf16" or stage == "preprocess" else "no")
        if stage == "evaluate":
            metrics = {"prediction": {"psnr": 30.0, "ssim": 0.9}, "reconstruction": {"psnr": 33.0, "ssim": None}}
            (folder / "evaluation").mkdir()
            (folder / "evaluation/metrics.json").write_text(json.dumps(metrics))
        if folder.name == "together":
            save_file({"weight": torch.tensor([1.0, 2 + 0.25 * num_processes])}, elsewhere["weights"])
        return COST

    monkeypatch.setattr(gpu, "run_stage", run_stage)
    for variable in ("CUDA_VISIBLE_DEVICES", "LAYERCAST_RESUME_DIR"):
        monkeypatch.setenv(variable, "set back after the test")
    arguments = [str(tmp_path), "--device", "cpu", "--folder", str(tmp_path / "out")]
    found = json.loads(CliRunner().invoke(gpu.app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert [run for run in ran if run[0] == "preprocess"] == [("preprocess", "frames", 1)]
    assert {name for _, name, _ in ran} == {"frames", "bf16", "float32", "together"}
    assert found["one and two processes"] == {"train_autoencoder": 0.25, "train_predictor": 0.25}
    assert found["float32"]["figures"]["prediction psnr"] == 30
    assert json.loads((tmp_path / "out/figures.json").read_text()) == found
    console = Console(width=160, record=True)
    gpu.print_tables(found, console)
    text = console.export_text()
    assert "80.0 frames/s" in text and "reconstruction ssim" in text and "differ by 0.25" in text
