import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.pixels import to_uint8, to_unit
from stages.train_autoencoder import app
from tests.autoencoder.clips import line, moving_squares

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "architecture": {
        "num_slots": 2, "object_px": 8, "patch_dim": 8, "canvas_margin": 0, "background_channels": 12,
        "appearance_dim": 4, "hidden_dim": 4,
    },
    "loss": {"object_weight": 3, "picture_weight": 1},
    "training": {
        "num_steps": 12, "learning_rate": 0.002, "weight_decay": 0.01, "warmup_fraction": 0.1, "max_grad_norm": 1.0,
        "validate_every": 6, "precision": "no", "seed": 0,
    },
    "batch_size": 4, "frames_per_clip": 3, "memory_budget": None, "recompute": False,
}


def write_frames(path: Path, splits: tuple[str, ...]) -> None:
    """One square on one background per sequence."""
    writer = FrameStoreWriter(path, len(splits), (6, 24, 24, 3), fps=10, crop="none", source="s" * 64, num_objects=None)
    for n, split in enumerate(splits):
        track = line((2 + n % 3, 3 + n % 5), (2, 1), 6)
        frames, _, _ = moving_squares(track[:, None], torch.tensor([[0.9, 0.1, 0.15 * n]]), side=7, px=24, seed=n)
        writer.append(to_uint8(frames[0]), None, video_id=f"video_{n}", first_frame=0, split=split)
    writer.finish()


def write_params(path: Path, **changes) -> None:
    YAML().dump({"train_autoencoder": {**SETTINGS, **changes}}, path)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    write_frames(tmp_path / "data/frames.zarr", ("train",) * 4 + ("val",) * 2)
    write_params(tmp_path / "params.yaml")
    return tmp_path


def outputs(folder: Path) -> dict[str, bytes]:
    files = [folder / "data/autoencoder.safetensors", *sorted((folder / "data/curves").rglob("*.tsv"))]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_trains_weights_that_carry_their_origin_and_gives_the_same_bytes_again(folder):
    assert CliRunner().invoke(app).exit_code == 0
    store = open_frames(folder / "data/frames.zarr")
    model, loaded = load_autoencoder(folder / "data/autoencoder.safetensors")
    assert loaded.made_from == {"frames": store.identity}
    assert (model.spec.num_slots, model.spec.height, model.spec.width) == (2, 24, 24)
    assert (model.config.prepared.crop, model.config.prepared.fps) == ("none", 10)
    frames = to_unit(store.read(store.rows("val")))
    with torch.inference_mode():
        error = (model.decode(model.encode(frames)).frames - frames).square().mean()
    assert error < 0.6 * (frames.median(1, keepdim=True).values - frames).square().mean()
    assert list((folder / "resume/train_autoencoder").iterdir()) == []

    first = outputs(folder)
    assert len(first) > 3
    (folder / "data/autoencoder.safetensors").unlink()
    shutil.rmtree(folder / "data/curves")
    assert CliRunner().invoke(app).exit_code == 0
    assert outputs(folder) == first


def test_parts_and_processes_train_as_one(folder):
    training = {**SETTINGS["training"], "num_steps": 3}
    runs = {"one": {}, "parts": {"memory_budget": 0.001}, "recomputed": {"recompute": True}, "two": {}}
    launcher = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", "-m", "stages.train_autoencoder"]
    weights = {}
    for name, changes in runs.items():
        write_params(folder / "params.yaml", training=training, **changes)
        outputs = ["--weights", f"{name}.safetensors", "--curves", name, "--cost", f"{name}.json"]
        if name == "two":
            environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
            subprocess.run([sys.executable, *launcher, *outputs], env=environment, check=True, timeout=300)
        else:
            result = CliRunner().invoke(app, outputs)
            assert result.exit_code == 0 and ("1 of 4 clips at once" in result.stderr) == (name == "parts")
        weights[name] = load_autoencoder(folder / f"{name}.safetensors")[0].state_dict()
    for name in ("parts", "recomputed", "two"):
        apart = [(tensor - weights["one"][key]).abs().max().item() for key, tensor in weights[name].items()
                 if tensor.numel()]
        assert max(apart) < 1e-4, name
    assert json.loads((folder / "two.json").read_text())["processes"] == 2


@pytest.mark.parametrize("changes, wanted", [
    ({"batch_sise": 3}, "batch_sise"), ({"frames_per_clip": 0}, "frames_per_clip"),
    ({"memory_budget": 0}, "memory_budget"),
    ({"architecture": {**SETTINGS["architecture"], "num_slots": 0}}, "num_slots"),
    ({"architecture": {**SETTINGS["architecture"], "canvas_margin": -3}}, "architecture.canvas_margin"),
])
def test_wrong_parameters_are_one_line_and_leave_earlier_weights(folder, changes, wanted):
    weights = folder / "data/autoencoder.safetensors"
    weights.write_bytes(b"earlier")
    write_params(folder / "params.yaml", **changes)
    result = CliRunner().invoke(app)
    assert result.exit_code == 2 and wanted in result.stderr and result.stderr.count("\n") == 1
    assert weights.read_bytes() == b"earlier"


def test_a_store_without_validation_clips_is_refused(folder):
    write_frames(folder / "data/frames.zarr", ("train", "train"))
    result = CliRunner().invoke(app)
    assert result.exit_code == 2 and "val" in result.stderr.splitlines()[-1]
