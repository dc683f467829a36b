"""Layers before and after the codes of an untrained model: what is seen is right, what is decoded is not."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from benchmarks.layer_gaps import FIGURES, Layers, app
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.autoencoder.layer_pictures import Decoded
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.autoencoder.windows import around
from pipeline.evaluation.reconstruction import Truth
from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.params import read_section
from tests.stages.conftest import SIDE, moving_squares, write_test_frames


def test_what_the_codes_lose_shows(tmp_path):
    random = np.random.default_rng(0)
    frames, truth = zip(*(moving_squares(random) for _ in range(3)), strict=True)
    write_test_frames(tmp_path / "test_frames.zarr", np.stack(frames), list(truth))
    torch.manual_seed(0)
    params = read_section(Path("params.yaml"), "train_autoencoder", TrainAutoencoderParams)
    architecture = params.architecture.model_copy(
        update={"num_slots": 2, "object_px": 8, "patch_dim": 12, "background_channels": 4, "appearance_dim": 6}
    )
    config = AutoencoderConfig(architecture=architecture, num_channels=3, height=SIDE, width=SIDE)
    save_autoencoder(tmp_path / "autoencoder.safetensors", Autoencoder(config), {})
    command = [
        "--test-frames", str(tmp_path / "test_frames.zarr"), "--autoencoder", str(tmp_path / "autoencoder.safetensors"),
    ]
    result = CliRunner().invoke(app, [*command, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert set(found) == {"15 frames", "7 frames"}
    for ways in found.values():
        assert set(ways["as seen"]) == set(FIGURES)
        assert ways["as seen"]["psnr"] > ways["decoded"]["psnr"] + 5
        assert ways["as seen"]["fg_miou"] > ways["decoded"]["fg_miou"] + 0.3


@pytest.mark.parametrize(("fringe", "wanted"), [((), 0), ((0.5,), 28 / 20), ((0.6, 0.3), (28 + 36) / 20)])
def test_a_soft_edge_is_as_wide_as_its_fringe(fringe, wanted):
    """A square of 6 px, its outline 20 px, with rings of less visibility around it."""
    alpha = torch.zeros(1, 1, 1, 16, 16)
    for width, value in reversed(list(enumerate((1.0, *fringe)))):
        alpha[..., 5 - width:11 + width, 5 - width:11 + width] = value
    ids = (alpha[0, 0] > 0.9).numpy().astype(np.uint8)[None]
    frames = torch.zeros(1, 1, 3, 16, 16)
    zeros = torch.zeros(1, 1)
    latents = Latents(
        background=zeros, appearance=zeros[..., None], presence=zeros, depth=zeros, camera=torch.zeros(1, 1, 6),
        pose=torch.zeros(1, 1, 1, len(poses.COMPONENTS)),
    )
    layers = Layers()
    pictures = torch.cat([frames[:, :, None], alpha[:, :, :, None], alpha[:, :, :, None]], 3)
    decoded = Decoded(frames, frames, pictures, around(torch.zeros(1, 1, 1, 2), math.inf, 16, 16))
    truth = Truth(ids, np.full((1, 1, 1, 2), 8.0), 1)
    layers.add(np.zeros((1, 1, 16, 16, 3), np.uint8), truth, latents, decoded, np.array(["a"]))
    assert layers.figures()["soft_edge_px"] == pytest.approx(wanted)
