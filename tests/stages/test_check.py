from pathlib import Path

import pytest

from tests.pipeline.tiny_run import run_stage, write_params


@pytest.fixture
def check(tmp_path, monkeypatch):
    """Checks the tiny parameters with this source; returns what the command gives."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    def check(source: str):
        write_params(Path("params.yaml"), {"preprocess": {"source": source}})
        return run_stage("check")

    return check


def test_a_source_that_is_there(check, tmp_path):
    Path("videos").mkdir()
    Path("videos.npy").write_bytes(b"")
    for source in ("videos", "videos.npy", str(tmp_path / "videos")):
        result = check(source)
        assert result.exit_code == 0 and result.stdout == "params.yaml: every section is valid\n" and not result.stderr


@pytest.mark.parametrize(("source", "complaint"), [
    ("nowhere", "preprocess.source is nowhere, which is not there; set it to a folder"),
    ("known", "preprocess.source is known, which is not there, but known to DVC; `dvc pull known.dvc`"),
    ("~/videos", "preprocess.source is ~/videos, and DVC does not know ~; write "),
    ("v" * 5000, "File name too long"),
])
def test_a_source_that_is_not(check, source, complaint):
    Path("known.dvc").write_text("outs: []")
    result = check(source)
    assert result.exit_code == 2 and result.stderr.startswith("error: ") and result.stderr.count("\n") == 1
    assert complaint in result.stderr and not result.stdout


def test_the_demonstration_is_made_by_the_pipeline(check):
    Path("data/sprites").mkdir(parents=True)
    Path("data/sprites/dvc.yaml").write_text("stages: {}")
    result = check("data/sprites/videos")
    assert result.exit_code == 0 and "is not there yet: the stage sprites draws it" in result.stderr


def test_unless_its_stage_was_removed(check):
    result = check("data/sprites/videos")
    assert result.exit_code == 2 and "which is not there; set it to a folder" in result.stderr
