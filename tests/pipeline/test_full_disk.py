"""A disk that is full: earlier outputs stay, and the message names the path."""

import os
import resource
import shutil
import subprocess
import tempfile
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from pipeline import checkpoint
from pipeline.errors import UserError
from tests.pipeline.conftest import content
from tests.pipeline.tiny_run import moving_squares, run_all, run_stage, write_inputs, write_params
from tests.stages.conftest import artefacts  # noqa: F401  (a fixture)


@contextmanager
def files_up_to(num_bytes: int):
    """The system refuses, as on a full disk, to make any file longer."""
    former = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, former[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, former)


def check_refusal(result, place: str) -> None:
    assert result.exit_code == 2, result.output[-2000:] + repr(result.exception)
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: ") and "cannot be written" in last and "make room" in last and place in last, last


def check_unchanged(folder, before: dict[str, str]) -> None:
    """Looks at the files of `before` alone: beside them Zarr's threads may still be removing what they began to
    write."""
    changed = [name for name, digest in before.items() if content(folder / name) != {".": digest}]
    assert not changed, changed


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    write_inputs(tmp_path, moving_squares())
    return tmp_path


@pytest.mark.parametrize("num_bytes", [100, 2000])
def test_preprocess_names_the_path_and_goes_on_later(folder, num_bytes):
    assert run_stage("preprocess").exit_code == 0
    before = content(folder / "data")
    with files_up_to(num_bytes):
        check_refusal(run_stage("preprocess"), "resume/preprocess/")
    assert content(folder / "data") == before
    assert run_stage("preprocess", "--cost", "cost.json").exit_code == 0
    assert content(folder / "data") == before


def test_a_temporary_folder_that_is_full_is_no_fault_of_the_source(folder):
    np.savez_compressed(folder / "videos.npz", videos=moving_squares())
    write_params(folder / "params.yaml", {"preprocess": {"source": "videos.npz"}})
    with files_up_to(2000):
        result = run_stage("preprocess")
    assert result.exit_code == 2, result.output
    last = result.stderr.splitlines()[-1]
    assert tempfile.gettempdir() in last and "set TMPDIR" in last and "save it again" not in last, last
    assert run_stage("preprocess").exit_code == 0


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="only root may mount")
def test_a_tiny_file_system_that_is_full(folder, tmp_path):
    (tmp_path / "tiny").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(tmp_path / "tiny")]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        check_refusal(run_stage("preprocess", "--frames", "tiny/frames.zarr"), "tiny/frames.zarr")
    finally:
        subprocess.run(["umount", str(tmp_path / "tiny")], check=True)


@pytest.mark.parametrize("num_bytes", [100, 1200, 6000])
def test_generate_leaves_earlier_forecasts_alone(artefacts, folder, num_bytes):  # noqa: F811
    shutil.copytree(artefacts.folder, folder / "data")
    arguments = ["--params", "data/params.yaml"]
    assert run_stage("generate", *arguments).exit_code == 0
    before = content(folder / "data")
    with files_up_to(num_bytes):
        check_refusal(run_stage("generate", *arguments), "data/")
    check_unchanged(folder / "data", before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder in which every stage has run."""
    folder = tmp_path_factory.mktemp("finished")
    write_inputs(folder, moving_squares())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAYERCAST_RESUME_DIR", str(folder / "resume"))
        run_all(folder)
    return folder


@pytest.mark.parametrize(("stage", "num_bytes", "place"), [
    ("train_autoencoder", 100, "resume/train_autoencoder/"),
    ("train_autoencoder", 40_000, "resume/train_autoencoder/"),
    ("encode", 100, "data/latents.zarr"),
    ("encode", 2000, "resume/encode/"),
    ("train_predictor", 100, "resume/train_predictor/"),
    ("train_predictor", 5000, "resume/train_predictor/"),
    ("evaluate", 100, "data/evaluation"),
    ("evaluate", 5000, "data/evaluation"),
    ("report", 100, "data/report/page.html"),
    ("report", 50_000, "data/report/page.html"),
])
def test_a_stage_names_the_path_and_ends_well_later(finished, tmp_path, monkeypatch, stage, num_bytes, place):
    """Curves are no earlier output: from its first step on, a training shows there how it goes."""
    folder = shutil.copytree(finished, tmp_path / "run")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(folder / "resume"))
    before = content(folder / "data")
    with files_up_to(num_bytes):
        check_refusal(run_stage(stage), place)
    kept = {name: digest for name, digest in before.items() if not name.startswith(f"curves/{stage}/")}
    check_unchanged(folder / "data", kept)
    assert run_stage(stage, "--cost", "cost.json").exit_code == 0
    assert content(folder / "data") == before


def test_weights_are_replaced_whole(tmp_path):
    path = tmp_path / "a.safetensors"
    checkpoint.save(path, "kind", {"a": torch.zeros(10)}, {}, {})
    with files_up_to(200), pytest.raises(UserError, match=f"{path}: cannot be written .File too large"):
        checkpoint.save(path, "kind", {"a": torch.ones(1000)}, {}, {})
    assert checkpoint.load(path, "kind").tensors["a"].sum() == 0
