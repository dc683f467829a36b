"""What a user can get wrong is answered in one line with exit code 2, and what was there before stays."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline import checkpoint
from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder, save_autoencoder
from tests.pipeline.conftest import content
from tests.pipeline.dvc_stages import STAGE_NAMES, dvc_stages


@pytest.fixture
def root(workspace, monkeypatch) -> Path:
    monkeypatch.chdir(workspace.root)
    return workspace.root


def refusal(root: Path, name: str, *arguments: str) -> str:
    """Runs a stage, which must refuse without touching any output of the pipeline; returns its message."""
    outs = [root / out for stage in dvc_stages() for out in stage.outs]
    before = [content(out) for out in outs]
    result = CliRunner().invoke(importlib.import_module(f"stages.{name}").app, list(arguments))
    assert result.exit_code == 2, result.output
    assert [content(out) for out in outs] == before
    message = result.stderr.splitlines()[-1]
    assert message.startswith("error: ") and "Traceback" not in result.output
    return message


@pytest.mark.parametrize("name", STAGE_NAMES)
def test_a_misspelt_parameter(root, tmp_path, name):
    yaml = YAML()
    document = yaml.load(root / "params.yaml")
    document[name]["batchsize"] = 1
    yaml.dump(document, tmp_path / "params.yaml")
    message = refusal(root, name, "--params", str(tmp_path / "params.yaml"))
    hint = f"did you mean {name}.batch_size?" if "batch_size" in document[name] else "misspelt?"
    assert message == f"error: {tmp_path / 'params.yaml'}: {name}.batchsize is not a parameter ({hint})"


@pytest.fixture
def other_autoencoder(root, tmp_path) -> Path:
    """Weights of the same shape as the pipeline's, yet not the same."""
    model, weights = load_autoencoder(root / "data/autoencoder.safetensors")
    next(model.parameters()).data.add_(1)
    save_autoencoder(tmp_path / "other.safetensors", model, weights.made_from)
    return tmp_path / "other.safetensors"


def test_a_predictor_of_another_autoencoder(root, other_autoencoder):
    message = refusal(root, "generate", "--autoencoder", str(other_autoencoder))
    assert "data/predictor.safetensors" in message and str(other_autoencoder) in message


def test_latents_of_another_autoencoder(root, other_autoencoder):
    message = refusal(root, "evaluate", "--autoencoder", str(other_autoencoder))
    assert "data/latents.zarr" in message and str(other_autoencoder) in message


def test_figures_of_another_autoencoder(root, other_autoencoder):
    message = refusal(root, "report", "--autoencoder", str(other_autoencoder))
    assert "data/evaluation/metrics.json was made from autoencoder" in message and str(other_autoencoder) in message


def test_an_autoencoder_of_another_frame_size(root, tmp_path):
    model, weights = load_autoencoder(root / "data/autoencoder.safetensors")
    wider = model.config.model_copy(update={"width": model.config.width + 8})
    save_autoencoder(tmp_path / "wider.safetensors", Autoencoder(wider), weights.made_from)
    message = refusal(root, "encode", "--autoencoder", str(tmp_path / "wider.safetensors"))
    assert f"{wider.width}x{wider.height}" in message and f"{model.config.width}x{model.config.height}" in message


def test_weights_of_another_model(root):
    message = refusal(root, "generate", "--autoencoder", "data/predictor.safetensors")
    assert "wanted layercast autoencoder weights" in message


def test_weights_that_do_not_fit_their_config(root, tmp_path):
    weights = checkpoint.load(root / "data/autoencoder.safetensors", "autoencoder")
    name, tensor = next((name, tensor) for name, tensor in weights.tensors.items() if tensor.ndim > 1)
    path = tmp_path / "cut.safetensors"
    checkpoint.save(path, "autoencoder", {**weights.tensors, name: tensor[:-1]}, weights.config, weights.made_from)
    assert str(path) in refusal(root, "encode", "--autoencoder", str(path))


@pytest.mark.parametrize(("name", "option", "store"), [
    ("train_autoencoder", "--frames", "data/latents.zarr"),
    ("encode", "--test-frames", "data/latents.zarr"),
    ("train_predictor", "--latents", "data/frames.zarr"),
    ("generate", "--test-frames", "data/predicted_frames.zarr"),
    ("evaluate", "--latents", "data/predicted_latents.zarr"),
    ("report", "--predicted-latents", "data/latents.zarr"),
])
def test_a_store_of_another_kind(root, name, option, store):
    assert f"{store}: wanted a layercast" in refusal(root, name, option, store)


def test_frames_without_a_test_split(root):
    assert "test" in refusal(root, "generate", "--test-frames", "data/frames.zarr")


def test_an_array_of_the_wrong_kind(root, tmp_path):
    np.save(tmp_path / "floats.npy", np.zeros((4, 30, 32, 32), np.float32))
    yaml = YAML()
    document = yaml.load(root / "params.yaml")
    document["preprocess"].update(source=str(tmp_path / "floats.npy"), array_layout="video_time")
    yaml.dump(document, tmp_path / "params.yaml")
    message = refusal(root, "preprocess", "--params", str(tmp_path / "params.yaml"))
    assert "floats.npy" in message and "uint8" in message
