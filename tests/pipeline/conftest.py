"""The real pipeline, run once through DVC on tiny data in a copy of the repository."""

import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT

TINY = {
    "data/sprites/params.yaml": {"sprites": {"num_videos": 12, "num_frames": 24}},
    "params.yaml": {
        "preprocess": {"val_fraction": 0.2, "test_fraction": 0.3},
        "train_autoencoder": {"training": {"num_steps": 4, "validate_every": 2}},
        "train_predictor": {"training": {"num_steps": 4, "validate_every": 2}},
        "generate": {"num_samples": 2, "num_pictures": 1},
    },
}


@dataclass(frozen=True)
class Workspace:
    """A git and DVC repository of its own, with nothing of this machine's settings."""

    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "OMP_NUM_THREADS": "1", "PYTHONPATH": "", "DVC_NO_ANALYTICS": "1",
            **{f"DVC_{what}_DIR": str(self.root.parent / "dvc")
               for what in ("GLOBAL_CONFIG", "SYSTEM_CONFIG", "SITE_CACHE")},
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull,
            **{f"GIT_{who}_{what}": "test@example.org"
               for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }

    def run(self, *command: str) -> str:
        """Runs a command that must succeed and returns all it printed."""
        done = subprocess.run(command, cwd=self.root, env=self.environment, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-5000:]}"
        return done.stdout

    def dvc(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "dvc", *arguments)

    def commit(self) -> None:
        self.run("git", "add", ".")
        self.run("git", "commit", "-qm", "state")


def stages_run(output: str) -> list[str]:
    """Names of the stages that `dvc repro` or `dvc exp run` executed, without the path of their DVC file."""
    lines = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage '")]
    return [name.split(":")[-1] for name in lines]


def content(path: Path) -> dict[str, str]:
    """SHA-256 of a file, or of every file below a folder."""
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def copy_repository(root: Path) -> Workspace:
    """The tracked files at `root`, with tiny parameters, committed."""
    workspace = Workspace(root)
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True,
                            text=True).stdout.splitlines()
    for name in listed:
        left_out = name == "dvc.lock" or name.startswith(("tests/", "data/evaluation/", "data/cost/"))
        if not left_out and (ROOT / name).is_file():
            (workspace.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, workspace.root / name)
    for name, changes in TINY.items():
        yaml = YAML()
        document = yaml.load(workspace.root / name)
        change(document, changes)
        yaml.dump(document, workspace.root / name)
    workspace.run("git", "init", "-q")
    workspace.commit()
    return workspace


@pytest.fixture(scope="session")
def workspace(tmp_path_factory) -> Workspace:
    """The tracked files with tiny parameters, reproduced and committed."""
    workspace = copy_repository(tmp_path_factory.mktemp("pipeline") / "layercast")
    output = workspace.dvc("repro")
    assert stages_run(output) == [
        "sprites", "preprocess", "train_autoencoder", "encode", "train_predictor", "generate", "evaluate", "report",
    ]
    workspace.commit()
    return workspace


def change(document: dict, changes: dict) -> None:
    """Sets values in place, at any depth; a key that is not there yet is a mistake of the test."""
    for key, value in changes.items():
        assert key in document, f"the tiny parameters change {key}, which params.yaml lacks"
        if isinstance(value, dict):
            change(document[key], value)
        else:
            document[key] = value
