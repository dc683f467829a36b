"""Videos that have nothing to learn from, or too much: figures stay finite, or the refusal is clear."""

import json
import math

import numpy as np
import pytest

from tests.pipeline.tiny_run import moving_squares, run_all, run_stage, write_inputs

SQUARES = moving_squares(num_videos=3, num_frames=12)
FLASH = np.where(np.arange(12) % 2, 255, 0).astype(np.uint8).reshape(1, 12, 1, 1, 1)
KINDS = {
    "black": np.zeros_like(SQUARES),
    "black and white in turn": np.broadcast_to(FLASH, SQUARES.shape),
    "noise of extremes": np.random.default_rng(0).integers(0, 2, SQUARES.shape, dtype=np.uint8) * 255,
    "one video without any motion": SQUARES[:1, :1].repeat(20, 1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_goes_through_with_finite_figures(tmp_path, kind):
    write_inputs(tmp_path, KINDS[kind], {"train_autoencoder": {"architecture": {"num_slots": 1}}})
    run_all(tmp_path)
    figures = json.loads((tmp_path / "data/evaluation/metrics.json").read_text())
    for section in ("prediction", "reconstruction"):
        assert math.isfinite(figures[section]["psnr"])
    if kind == "black":
        assert figures["prediction"]["psnr"] > 60 and figures["reconstruction"]["psnr"] > 60
    if kind == "one video without any motion":
        assert figures["baselines"]["copy_last"]["psnr"] > 60 and figures["prediction"]["psnr"] > 30


def test_too_short_a_single_video_is_refused(tmp_path, monkeypatch):
    write_inputs(tmp_path, moving_squares(num_videos=1, num_frames=12))
    monkeypatch.chdir(tmp_path)
    result = run_stage("preprocess")
    assert result.exit_code == 2 and "at least one part of the source each for train, val, test, got 2" in result.stderr
