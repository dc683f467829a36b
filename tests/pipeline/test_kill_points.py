"""A short form of the script that kills `dvc repro` at random moments."""

import shutil
from pathlib import Path

from tests.pipeline.conftest import Workspace
from tests.pipeline.kill_points import kill_points


def test_killed_at_random_it_ends_with_the_bytes_of_an_undisturbed_run(workspace, tmp_path):
    copy = Workspace(Path(shutil.copytree(workspace.root, tmp_path / "layercast", symlinks=True)))
    lines = kill_points(copy, 3, seed=0, names=("train_predictor", "generate"))
    assert len(lines) == 3
