"""The round trip through a remote of docs/experiments.md: another clone gets everything without running anything, or
only what it needs."""

import shutil
from pathlib import Path

import pytest

from tests.pipeline.conftest import Workspace, stages_run
from tests.pipeline.documents import commands


@pytest.fixture
def copy(workspace, tmp_path) -> Workspace:
    return Workspace(Path(shutil.copytree(workspace.root, tmp_path / "layercast", symlinks=True)))


def test_the_round_trip_of_the_docs(copy):
    shown, folder = {}, copy
    for command in commands("Sharing results", "dvc", "git", "cd"):
        if command.startswith("cd "):
            folder = Workspace((folder.root / command.removeprefix("cd ")).resolve())
        else:
            shown[command] = folder.run("bash", "-c", command)
    (everything,) = [output for command, output in shown.items() if command.startswith("dvc repro")]
    assert stages_run(everything) == [] and "up to date" in everything
    full = copy.root.parent / "everything"
    assert (full / "data/frames.zarr").is_dir() and (full / "data/predicted_frames.zarr").is_dir()
    (partial,) = [output for command, output in shown.items() if command.startswith("dvc exp run")]
    assert stages_run(partial) == ["train_predictor", "generate", "evaluate", "report"]
    data = folder.root / "data"
    assert data != full / "data"
    assert all((data / name).exists() for name in ("latents.zarr", "test_frames.zarr", "autoencoder.safetensors"))
    assert not (data / "frames.zarr").exists() and not (data / "sprites/videos").exists()
