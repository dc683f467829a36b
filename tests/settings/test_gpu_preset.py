"""The preset for a GPU at its own picture size: one step and one encoding, here on whatever there is."""

import shutil

import numpy as np
import pytest
import torch
from torch.nn import functional

from pipeline.dependencies.imports import ROOT
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.latents.latent_store import open_latents
from pipeline.params import load
from pipeline.settings.preset import apply_preset
from pipeline.settings.settings import check_settings
from stages.encode import encode
from stages.train_autoencoder import train_autoencoder

NUM_FRAMES = 4


def write_frames(path, splits: list[str], px: int) -> None:
    """A bright square that moves over a smooth background."""
    random = torch.Generator().manual_seed(0)
    shape = (NUM_FRAMES, px, px, 3)
    writer = FrameStoreWriter(path, len(splits), shape, fps=8, crop="none", source="s" * 64, num_objects=None)
    for i, split in enumerate(splits):
        ground = functional.interpolate(torch.rand(1, 3, 4, 4, generator=random), size=(px, px), mode="bicubic")[0]
        frames = (ground.clamp(0, 1) * 128).byte().permute(1, 2, 0).repeat(NUM_FRAMES, 1, 1, 1).numpy()
        for t in range(NUM_FRAMES):
            frames[t, 40:60, 30 + 12 * t:50 + 12 * t] = 255
        writer.append(frames, None, video_id=f"video_{i}", first_frame=0, split=split)
    writer.finish()


@pytest.mark.slow
def test_one_step_and_an_encoding(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    params = shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    apply_preset(ROOT / "presets" / "gpu_128.yaml", params)
    settings = check_settings(params, load(params))
    train, px = settings.train_autoencoder, settings.preprocess.width
    assert px == settings.preprocess.height == 128
    assert train.training.precision == "bf16" and train.architecture.num_slots > 8
    train = train.model_copy(update={
        "training": train.training.model_copy(update={"num_steps": 1, "validate_every": 1}), "batch_size": 1,
        "frames_per_clip": 2,
    })
    write_frames(tmp_path / "frames.zarr", ["train", "val"], px)
    write_frames(tmp_path / "test_frames.zarr", ["test"], px)
    paths = [tmp_path / name for name in ("frames.zarr", "test_frames.zarr", "weights.safetensors", "latents.zarr")]
    train_autoencoder(train, paths[0], paths[2], tmp_path / "curves")
    assert encode(settings.encode, *paths) == 3 * NUM_FRAMES
    latents = open_latents(paths[3]).read(slice(None))
    assert latents.motion.shape == (3, NUM_FRAMES, train.architecture.motion_dim)
    assert latents.detail.shape == (3, NUM_FRAMES, train.architecture.detail_dim)
    present = latents.presence > 0.5
    assert present.any(1).all()
    x = latents.pose[..., 0].movedim(1, 2)[present]
    assert np.diff(x.numpy()).max(1).max() == pytest.approx(12, abs=1.5)
