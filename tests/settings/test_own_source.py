"""What is said of a source of one's own when it is written into params.yaml."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.dependencies.imports import ROOT
from pipeline.params import load
from pipeline.settings.own_source import lasting_path, next_steps
from stages import check, preset

REMOVE = "dvc remove data/sprites/dvc.yaml:sprites"


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "layercast"
    (folder / "data/sprites").mkdir(parents=True)
    (folder / "data/sprites/dvc.yaml").touch()
    shutil.copy(ROOT / "params.yaml", folder)
    monkeypatch.chdir(folder)
    return folder


def test_a_path_lasts_in_the_folders_of_experiments(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "videos").mkdir()
    (repository / "datasets").mkdir()
    (repository / "datasets/linked").symlink_to(tmp_path / "videos")
    for outside in ("../videos", "~/videos", str(tmp_path / "videos"), "datasets/linked"):
        assert lasting_path(Path(outside)) == tmp_path / "videos", outside
    for inside in ("datasets/mine", "./datasets/../datasets/mine", str(repository / "datasets/mine")):
        assert lasting_path(Path(inside)) == Path("datasets/mine"), inside


def test_what_is_left_to_do_is_said(repository):
    steps = next_steps(Path("datasets/my videos"))
    assert len(steps) == 2 and "once it is there, dvc add 'datasets/my videos'" in steps[0] and REMOVE in steps[1]
    (repository / "datasets/my videos").mkdir(parents=True)
    assert next_steps(Path("datasets/my videos"))[0].startswith("next: dvc add 'datasets/my videos'")
    (repository / "datasets/my videos.dvc").touch()
    assert next_steps(Path("datasets/my videos/train")) == steps[1:] == next_steps(repository.parent / "elsewhere")
    (repository / "data/sprites/dvc.yaml").unlink()
    assert next_steps(Path("datasets/my videos")) == []


def test_the_demonstration_needs_nothing(repository):
    assert next_steps(Path("data/sprites/videos")) == []


def test_a_preset_says_it(repository):
    result = CliRunner().invoke(preset.app, ["kth", "--presets", str(ROOT / "presets")])
    assert "next: once it is there, dvc add datasets/kth" in result.stdout and REMOVE in result.stdout


def test_a_home_that_dvc_would_not_find_is_told_of(repository, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    file = repository / "params.yaml"
    file.write_text(file.read_text().replace("source: data/sprites/videos", "source: ~/videos"))
    assert load(file)["preprocess"]["source"] == "~/videos"
    result = CliRunner().invoke(check.app)
    assert result.exit_code == 2 and "DVC does not know ~; write /home/me/videos" in result.stderr
