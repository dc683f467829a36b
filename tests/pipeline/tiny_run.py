"""All stages, one after the other in this process, on an array of tiny videos: what takes DVC minutes takes seconds."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from ruamel.yaml import YAML
from typer.testing import CliRunner

from tests.pipeline.conftest import change
from tests.pipeline.dvc_stages import STAGE_NAMES

NUM_VIDEOS, NUM_FRAMES, SIDE = 5, 12, 32
TRAINING = {
    "num_steps": 2, "learning_rate": 1e-3, "weight_decay": 0.01, "warmup_fraction": 0.1, "max_grad_norm": 1.0,
    "validate_every": 1, "precision": "no", "seed": 0,
}
ATTENTION = {"hidden_dim": 16, "num_layers": 1, "num_heads": 2}
PARAMS = {
    "preprocess": {
        "source": "videos.npy", "array_layout": "video_time", "split": "random", "tfrecord_feature": "{}",
        "digits": {"num_videos": 1, "num_frames": 2, "num_digits": 1, "frame_px": 64, "seed": 0},
        "height": SIDE, "width": SIDE, "crop": "none", "color": "rgb",
        "fps": None, "fps_if_unknown": 10, "sequence_length": 6, "sequence_stride": None, "val_fraction": 0.2,
        "test_fraction": 0.2, "seed": 0, "group": None, "on_damage": "stop",
    },
    "train_autoencoder": {
        "architecture": {"num_slots": 2, "object_px": 8, "patch_dim": 8, "canvas_margin": 0, "background_channels": 4,
                         "appearance_dim": 6, "hidden_dim": 8, "motion_dim": 2, "detail_dim": 3, "deformation_dim": 2},
        "loss": {"object_weight": 3, "picture_weight": 1}, "training": TRAINING, "batch_size": 2, "frames_per_clip": 3,
        "memory_budget": None, "recompute": False,
    },
    "encode": {"batch_size": 2},
    "train_predictor": {
        "kind": "mixture", "mixture": {**ATTENTION, "num_modes": 2}, "deterministic": ATTENTION, "training": TRAINING,
        "context_frames": 4, "horizon": 2, "batch_size": 4, "short_context_share": 0.2, "augmentation": "motion",
    },
    "generate": {"context_frames": None, "horizon": None, "num_samples": 2, "carry_pictures": True, "num_pictures": 1,
                 "spread": "branches", "batch_size": 2, "seed": 0},
    "evaluate": {"batch_size": 2, "num_sheets": 1, "lpips": None, "fvd": None},
    "report": {"num_clips": 1},
}


def moving_squares(num_videos: int = NUM_VIDEOS, num_frames: int = NUM_FRAMES) -> np.ndarray:
    """uint8 [video, time, SIDE, SIDE, 3]: two squares each, on a plain ground."""
    random = np.random.default_rng(0)
    videos = np.empty((num_videos, num_frames, SIDE, SIDE, 3), np.uint8)
    for video in videos:
        colors = random.integers(0, 256, (3, 3), dtype=np.uint8)
        video[:] = colors[0]
        for color, start in zip(colors[1:], random.integers(0, SIDE // 2, (2, 2)), strict=True):
            step = random.integers(-1, 2, 2)
            for t, frame in enumerate(video):
                x, y = np.clip(start + t * step, 0, SIDE - 8)
                frame[y : y + 8, x : x + 8] = color
    return videos


def write_inputs(folder: Path, videos: np.ndarray, changes: dict | None = None) -> None:
    np.save(folder / "videos.npy", videos)
    write_params(folder / "params.yaml", changes or {})


def write_params(path: Path, changes: dict) -> None:
    """The tiny parameters with some of them changed."""
    yaml = YAML()
    yaml.dump(PARAMS, path)
    document = yaml.load(path)
    change(document, changes)
    yaml.dump(document, path)


def run_stage(name: str, *arguments: str) -> Result:
    """Runs a stage in the current folder."""
    return CliRunner().invoke(importlib.import_module(f"stages.{name}").app, list(arguments))


def run_all(folder: Path) -> None:
    """Runs every stage in `folder`, which holds the inputs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in STAGE_NAMES:
            result = run_stage(name)
            assert result.exit_code == 0, f"{name}: {result.output[-3000:]}\n{result.exception!r}"
