"""What `make` does before any stage runs, with a pip that only says so. Old tools (macOS: make 3.81, bash 3.2) leave no
room for `.SHELLFLAGS`, nor for `read -t`, which there cannot tell a pause from an end."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from pipeline.dependencies.imports import ROOT

PYTHON = """#!/bin/bash
case "$*" in
    "-m venv .venv") mkdir -p .venv/bin; cp "$0" .venv/bin/python;;
    "-m pip install"*) echo "pip says something"; exit $PIP;;
    *) echo "ran $*";;
esac
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    for name in ("Makefile", "requirements.txt", "requirements-test.txt", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "python").write_text(PYTHON)
    (tmp_path / "python").chmod(0o755)
    return tmp_path


def make(folder: Path, target: str, pip: int = 0) -> subprocess.CompletedProcess:
    outer = {"MAKELEVEL", "MAKEFLAGS", "MFLAGS"}  # of `make test`, which make would name its folders for
    environment = {name: value for name, value in os.environ.items() if name not in outer}
    environment |= {"PIP": str(pip), "GIT_CEILING_DIRECTORIES": str(folder.parent)}
    command = ["make", target, f"PYTHON={folder / 'python'}"]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_an_installation_that_failed_is_none(folder):
    failed = make(folder, "check", pip=1)
    assert failed.returncode != 0 and "ran" not in failed.stdout and not (folder / ".venv/installed").exists()
    done = make(folder, "check")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["pip says something", "ran -m stages.check"]
    assert make(folder, "check").stdout == "ran -m stages.check\n"


def test_nothing_is_asked_of_the_shell_that_old_ones_lack(folder):
    rules = [line for line in (folder / "Makefile").read_text().splitlines() if not line.startswith("#")]
    assert not [line for line in rules if ".SHELLFLAGS" in line or "read -" in line or ".ONESHELL" in line]


def test_a_zip_without_git_is_told_of_in_one_line(folder):
    refused = make(folder, "repro")
    lines = [line for line in refused.stderr.splitlines() if not line.startswith("make: ")]
    assert refused.returncode == 2 and len(lines) == 1 and "ran -m dvc" not in refused.stdout
    assert "git init && git add . && git commit" in lines[0] and "core.no_scm true" in lines[0]
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    assert make(folder, "repro").stdout.splitlines()[-2:] == ["ran -m dvc repro", "ran -m stages.show"]
    (folder / ".dvc/config.local").unlink()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    assert make(folder, "repro").returncode == 0
