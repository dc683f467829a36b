import io

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmarks.real_video import (
    ROWS,
    _gradient,
    _in_px_of,
    _scores,
    last_given,
    lead,
    print_layers,
    print_tables,
    read_sets,
)
from benchmarks.stage_runs import write_params
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.errors import UserError


def write_sets(folder, text: str) -> None:
    (folder / "sets.yaml").write_text(text)
    (folder / "street.mp4").write_bytes(b"")


def test_sets_are_read(tmp_path):
    write_sets(tmp_path, "street: {source: street.mp4, height: 48, camera: fixed, test_fraction: 0.3}\n")
    assert read_sets(tmp_path) == {
        "street": {"source": "street.mp4", "height": 48, "camera": "fixed", "test_fraction": 0.3},
    }


def test_some_of_the_sets_are_read(tmp_path):
    write_sets(tmp_path, "street: {source: street.mp4}\nagain: {source: street.mp4, fps: 5}\n")
    assert read_sets(tmp_path, ["again"]) == {"again": {"source": "street.mp4", "fps": 5}}
    with pytest.raises(UserError, match="road: not in .*; there are street, again"):
        read_sets(tmp_path, ["road"])


@pytest.mark.parametrize(("text", "said"), [
    (None, "cannot be read"), ("street: {source: street.mp4, slots: 3}\n", "unknown keys slots"),
    ("street: {source: gone.mp4}\n", "gone.mp4 is not there"), ("street: {height: 3}\n", "None is not there"),
])
def test_what_is_wrong_with_sets_is_said(tmp_path, text, said):
    if text is not None:
        write_sets(tmp_path, text)
    with pytest.raises(UserError, match=said):
        read_sets(tmp_path)


def test_lengths_follow_the_size_that_a_set_is_read_at(tmp_path):
    lengths = {"object_px": 30, "canvas_margin": 6, "patch_dim": 48}
    changes = {"preprocess": {"height": 128}, "train_autoencoder": {"architecture": lengths}}
    write_params(tmp_path / "suggested.yaml", changes)
    wanted = {"train_autoencoder": {"architecture": {"object_px": 15, "canvas_margin": 3, "patch_dim": 24}}}
    assert _in_px_of({"height": 64}, tmp_path / "suggested.yaml") == wanted
    same = {"train_autoencoder": {"architecture": lengths}}
    assert _in_px_of({}, tmp_path / "suggested.yaml") == same


def test_blurred_pictures_are_less_sharp():
    target = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    blurred = ((target.astype(float) + np.roll(target, 1, 1) + np.roll(target, 1, 2)) / 3).astype(np.uint8)
    scores = _scores(np.stack([target, blurred]), target)
    assert scores["psnr"][0].min() == 100 and scores["psnr"].shape == (2, 2)
    np.testing.assert_allclose(scores["sharpness"][0], 1)
    assert scores["sharpness"][1].max() < 0.7 and _gradient(np.zeros_like(target)).max() < 1e-5


def test_the_last_given_frame_is_exact_with_what_layers_leave_over():
    torch.manual_seed(0)
    architecture = ArchitectureParams(
        num_slots=2, object_px=8, patch_dim=12, canvas_margin=0, background_channels=2, appearance_dim=2, hidden_dim=2,
    )
    model = Autoencoder(AutoencoderConfig(architecture=architecture, num_channels=3, height=24, width=32)).eval()
    figures = last_given(model, np.random.default_rng(0).integers(0, 256, (2, 4, 24, 32, 3), np.uint8))
    assert figures["given_drawn"] > 60 > 30 > figures["given_by_layers"]


def some_figures(psnr: float) -> dict:
    forecast = {"ssim": 0.9, "sharpness": 0.8, "ssim_by_step": [0.9, 0.8]}
    forecasts = {row: {**forecast, "psnr": psnr - i, "psnr_by_step": [psnr - i + 1, psnr - 2 * i - 1]}
                 for i, row in enumerate(ROWS)}
    layers = {"psnr": 27.0, "ssim": 0.9, "median_background_psnr": 26.0, "median_background_ssim": 0.91, "fg_ari": None,
              "fg_miou": 0.61, "given_by_layers": 30.04, "given_drawn": 80.0}
    cost = {"evaluate": {"seconds": 90.0, "peak_resident_gib": 1.0}}
    return {"num_clips": 4, "forecasts": forecasts, "layers": layers, "cost": cost}


def test_the_tables_say_how_far_ahead_it_is():
    figures = {"street": some_figures(25.0), "mouse": some_figures(30.0)}
    assert lead(figures["street"], "stack") == 2 and lead(figures["street"], "stack", -1) == 4
    text = io.StringIO()
    print_tables(figures, Console(file=text, width=200))
    shown = text.getvalue()
    print_layers(figures, Console(file=text, width=200))
    assert all(part in text.getvalue() for part in ("30.0", "80.0", "27.00 (0.900)", "26.00 (0.910)", "0.610"))
    assert "street" in shown and "24.00 (0.900)" in shown and "+2.00" in shown and "worst" in shown and "1.5" in shown
