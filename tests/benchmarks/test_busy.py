"""That busy processes run beside a stage and end with it; the figures are the machine's."""

import json
import subprocess
import sys
import time

import psutil
import pytest
from rich.console import Console
from ruamel.yaml import YAML
from typer.testing import CliRunner

from benchmarks import busy
from benchmarks.stage_runs import OUTPUTS, file_name
from pipeline.errors import UserError


def test_busy_processes_never_wait_and_end_with_the_block():
    with pytest.raises(KeyError), busy.busy(2):
        children = [child for child in psutil.Process().children() if "getppid" in " ".join(child.cmdline())]
        assert len(children) == 2
        while min(sum(child.cpu_times()[:2]) for child in children) < 0.1:
            time.sleep(0.01)
        raise KeyError
    assert not any(child.is_running() for child in children)


def test_busy_processes_end_with_one_that_is_killed():
    code = "import os, signal; from benchmarks.busy import busy\nwith busy(1): os.kill(os.getpid(), signal.SIGKILL)"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -9 and not done.stdout  # which came to its end: the busy process had it open too


def test_videos_are_linked_with_what_belongs_to_them(tmp_path):
    source = tmp_path / "videos"
    source.mkdir()
    for name in ("0.mkv", "0.truth.npz", "1.mkv", "1.truth.npz"):
        (source / name).write_text(name)
    for _ in range(2):
        busy.link_videos(source, tmp_path / "links", 1, 2)
    assert {link.name: link.read_text() for link in (tmp_path / "links").iterdir()} == {
        "0_0.mkv": "0.mkv", "0_0.truth.npz": "0.truth.npz", "1_0.mkv": "0.mkv", "1_0.truth.npz": "0.truth.npz"}
    with pytest.raises(UserError, match="dvc repro preprocess"):
        busy.link_videos(tmp_path / "none", tmp_path / "links", 1, 1)


def test_every_stage_is_timed_beside_every_load(tmp_path, monkeypatch):
    ran = []

    def run_stage(stage, params, folder):
        training = YAML(typ="safe", pure=True).load(params)["train_predictor"]["training"]
        assert training["num_steps"] == 7
        ran.append((stage, folder.name, sum("getppid" in " ".join(child.cmdline()) for child in
                                            psutil.Process().children() if child.is_running())))
        for output in OUTPUTS[stage]:
            (folder / file_name(output)).mkdir(parents=True, exist_ok=True)

    monkeypatch.setattr(busy, "run_stage", run_stage)
    monkeypatch.setattr(busy, "link_videos", lambda *_: None)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", "set back after the test")
    arguments = ["--predictor-steps=7", f"--folder={tmp_path}", "--json", "--only=preprocess", "--only=encode"]
    found = json.loads(CliRunner().invoke(busy.app, arguments, catch_exceptions=False).stdout)
    assert ran == [("preprocess", "few", 0), *(("preprocess", "all", number) for number in (0, 1, 3)),
                   *(("encode", "few", number) for number in (0, 1, 3))]
    assert list(found["seconds"]) == ["preprocess", "encode"]
    console = Console(width=160, record=True)
    busy.print_table(found | {"seconds": {"encode": {"0": 20.0, "1": 30.0, "3": 90.0}}}, console)
    text = console.export_text()
    assert "30.0 (1.50)" in text and "90.0 (4.50!)" in text


def test_an_unknown_stage_is_one_line():
    result = CliRunner().invoke(busy.app, ["--only=foretell"])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and "no such stage" in result.stderr
