"""The plain autoencoder that layers are measured against: its size, its training, its judge."""

import json
from itertools import count

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.convolutional_autoencoder import ConvolutionalAutoencoder, app, judge, train_plain
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.frames.frame_store import open_frames
from tests.benchmarks.test_autoencoder_seeds import write_frames
from tests.stages.conftest import moving_squares, write_test_frames


@pytest.fixture
def stores(tmp_path):
    random = np.random.default_rng(0)
    write_frames(tmp_path / "frames.zarr", random)
    write_test_frames(tmp_path / "test_frames.zarr", np.stack([moving_squares(random)[0] for _ in range(2)]), None)
    return open_frames(tmp_path / "frames.zarr"), open_frames(tmp_path / "test_frames.zarr")


def test_its_code_has_the_width_that_was_asked_for_and_any_frame_fits():
    model = ConvolutionalAutoencoder(3, 40, 56, code_dim=7, hidden_dim=4)
    frames = torch.rand(2, 3, 40, 56)
    assert model(frames).shape == frames.shape
    assert model.encoder(torch.nn.functional.pad(frames, (0, 8, 0, 8))).shape == (2, 7)


def test_training_lowers_the_error_until_the_time_is_up(stores):
    torch.manual_seed(0)
    model = ConvolutionalAutoencoder(3, 32, 32, code_dim=16, hidden_dim=16)
    def error() -> float:
        frames = torch.from_numpy(stores[0].read(stores[0].rows("train"))[0]).permute(0, 3, 1, 2) / 255
        with torch.no_grad():
            return (model(frames) - frames).square().mean().item()
    before = error()
    assert train_plain(model, stores[0], 60.0, seed=0, clock=count().__next__) == 59  # a tick a step
    assert error() < 0.7 * before


def test_the_judge_sees_all_test_frames(stores):
    assert judge(lambda clips: clips, stores[1])[1] == pytest.approx(1, abs=1e-3)
    offset, _ = judge(lambda clips: clips * 0 + 0.5, stores[1])
    frames = stores[1].read(slice(None)) / 255
    wanted = (-10 * np.log10(np.square(frames - 128 / 255).mean((2, 3, 4)))).mean()
    assert offset == pytest.approx(wanted, abs=0.01)


def test_the_command_writes_what_it_measured(stores, tmp_path):
    architecture = ArchitectureParams(
        num_slots=2, object_px=8, patch_dim=8, canvas_margin=0, background_channels=2, appearance_dim=4, hidden_dim=4
    )
    model = Autoencoder(AutoencoderConfig(architecture=architecture, num_channels=3, height=32, width=32))
    save_autoencoder(tmp_path / "weights.safetensors", model, {})
    result = CliRunner().invoke(app, [
        "--weights", str(tmp_path / "weights.safetensors"), "--frames", str(stores[0].path),
        "--test-frames", str(stores[1].path), "--seconds", "0.1", "--json", str(tmp_path / "figures.json"),
    ])
    assert result.exit_code == 0, result.output
    median, layers, plain = json.loads((tmp_path / "figures.json").read_text())
    assert layers["num_steps"] is None and plain["num_steps"] >= 1
    assert plain["floats_per_frame"] == round(layers["floats_per_frame"]) > 0
    for row in (median, layers, plain):
        assert 0 < row["psnr"] <= 100 and -1 <= row["ssim"] <= 1, row
