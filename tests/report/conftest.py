"""A small page with every kind of scene, made without any model."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from pipeline.autoencoder.mix import Mix
from pipeline.latents.latents import LatentSpec
from pipeline.report.mix import mix_curves
from pipeline.report.page import write_report
from pipeline.report.scenes import Scene, Tile, Track

NUM_FRAMES, NUM_GIVEN = 6, 4
SPEC = LatentSpec(num_slots=4, background_dim=12, appearance_dim=48, height=30, width=40)


def figures(psnr: float) -> dict:
    by_step = {f"{name}_by_step": [psnr + 1, psnr - 1] for name in ("psnr", "ssim", "mse", "mae")}
    error = {"mean_by_step": [1.0, 3.0], "median_by_step": [0.5, None]}
    return {"psnr": psnr, "ssim": 0.5, "mse": 30.0, "mae": 60.0, **by_step, "position_error": error}


METRICS = {
    "protocol": {
        "context_frames": 4, "horizon": 2, "num_samples": 5, "spread": "full", "num_clips": 60,
        "resolution": "40x30x3", "split": "test", "data": "60 sequences <of> 20 frames",
        "definitions": ["psnr: dB, over all pixels", "ssim: as usual"],
    },
    "reconstruction": {"psnr": 30.0, "ssim": 0.9, "median_background_psnr": 20.0, "median_background_ssim": 0.7},
    "prediction": {
        **figures(24.0), "psnr_interval": [23.25, 24.5],
        "calibration": {"coverage_50": 0.41, "coverage_50_reachable": 0.5},
        "best_of_samples": {"psnr": 25.5, "ssim": 0.8, "mse": 20.0, "mae": 40.0},
    },
    "baselines": {"copy_last": figures(20.0), "linear_extrapolation": figures(22.0)},
    "compression": {"floats_per_frame": 48.5, "ratio": 253.3},
    "decomposition": {"fg_ari": None, "fg_miou": 0.71},
    "disentanglement": {"probes": {"time_varying": {"position": 0.99, "color": -0.1}}},
}


@dataclass(frozen=True)
class Artefact:
    identity: str = "a" * 64
    made_from: dict = field(default_factory=lambda: {"frames": "f" * 64})


def scene(kind: str, number: int = 0, side: int = 40) -> Scene:
    """Noise, and an object that goes right and is out of view in frame 2."""
    random = np.random.default_rng(number)
    frames = random.integers(0, 256, (NUM_FRAMES, side * 3 // 4, side, 3), dtype=np.uint8)
    points = np.stack([np.arange(NUM_FRAMES) * 5.0 + 3, np.full(NUM_FRAMES, 12.0)], 1)
    points[2] = np.nan
    track = Track(points, "rgb(230,85,13)")
    tiles = [Tile("truth", frames, tracks=(track,)), Tile("forecast, sample 1", frames[::-1], True)]
    return Scene(kind, f"clip {number}", 8, tiles, NUM_GIVEN if kind == "forecast" else None)


MIX = mix_curves(Mix(3, 30, 40, 2), torch.zeros(2), 2)
SCENES = [scene("forecast", 0), scene("forecast", 1), scene("layers", 2), scene("changes", 3)]


@pytest.fixture(scope="session")
def page(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(path, METRICS, {"latents": Artefact()}, {"num_slots": 4, "object_px": 16}, SPEC, SCENES, MIX)
    return path
