"""The experiments of docs/experiments.md on tiny data: one run, a grid through the queue, what one does with them."""

import json
import shutil
import time
from pathlib import Path

import pytest

from tests.pipeline.conftest import Workspace, content, stages_run
from tests.pipeline.documents import commands

STAGE_2 = {"train_predictor", "generate", "evaluate", "report"}
STORES = ("data/frames.zarr", "data/test_frames.zarr", "data/latents.zarr")
GRID = [f"grid-{number}" for number in range(1, 5)]
LONGEST_WAIT = 900
"""Seconds for the four experiments of the grid."""


@pytest.fixture
def copy(workspace, tmp_path) -> Workspace:
    return Workspace(Path(shutil.copytree(workspace.root, tmp_path / "layercast", symlinks=True)))


def wait_for_grid(workspace: Workspace) -> dict[str, bool]:
    """Waits until the queue is done; returns, for every file of a store of stage 1 that a worker's folder held, whether
    it is a link."""
    links, workers, end = {}, workspace.root / ".dvc/tmp/exps", time.monotonic() + LONGEST_WAIT
    list_experiments = ("git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps")
    while not set(GRID) <= set(workspace.run(*list_experiments).split()):
        assert time.monotonic() < end, workspace.dvc("queue", "status")
        try:
            for store in STORES:
                files = [file for file in workers.glob(f"*/{store}/**/*") if file.is_file()]
                links |= {f"{store}: {file}": file.is_symlink() or file.stat().st_nlink > 1 for file in files}
        except FileNotFoundError:  # a worker is done and clears up
            pass
        time.sleep(0.5)
    return links


def test_the_experiments_of_the_docs(copy):
    copy.dvc("config", "--local", "cache.type", "hardlink,symlink,copy")
    before = content(copy.root / "data/autoencoder.safetensors")
    shown, links = {}, {}
    for command in commands("One run, then a grid", "dvc"):
        if command.startswith("dvc queue start"):
            copy.run("bash", "-c", f"{command} >queue.log 2>&1")  # the workers would hold a pipe open until they end
            links = wait_for_grid(copy)
        else:
            shown[command] = copy.run("bash", "-c", command)
    (single,) = [output for command, output in shown.items() if command.startswith("dvc exp run --name")]
    assert set(stages_run(single)) == STAGE_2
    for name in GRID:
        ran = stages_run(copy.dvc("queue", "logs", name))
        assert ran and set(ran) <= STAGE_2, f"{name} ran {ran}"
    assert content(copy.root / "data/autoencoder.safetensors") == before
    assert {name.split(":")[0] for name in links} == set(STORES)
    assert all(links.values()), "a store was copied for an experiment"
    (table,) = [output for command, output in shown.items() if command.startswith("dvc exp show")]
    lines = [line for line in table.splitlines() if "grid-" in line or "steady" in line]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    figures = [float(row[3]) for row in rows]
    assert len(rows) == 5 and figures == sorted(figures, reverse=True), table
    (difference,) = [output for command, output in shown.items() if command.startswith("dvc metrics diff")]
    assert "prediction.psnr" in difference
    branch = next(command.split()[-1] for command in shown if command.startswith("dvc exp branch"))
    applied = copy.run("git", "show", f"{branch}:params.yaml")
    assert (copy.root / "params.yaml").read_text() == applied != copy.run("git", "show", "HEAD:params.yaml")


def test_an_experiment_that_failed_is_marked(copy):
    """It shows the figures of the commit that it started from, since git keeps these."""
    copy.dvc("exp", "run", "--queue", "--name", "broken", "-S", "preprocess.source=datasets/none")
    copy.run("bash", "-c", "dvc queue start >queue.log 2>&1")
    end = time.monotonic() + LONGEST_WAIT
    while "Failed" not in copy.dvc("queue", "status"):
        assert time.monotonic() < end, copy.dvc("queue", "status")
        time.sleep(0.5)
    (show,) = [command for command in commands("One run, then a grid", "dvc") if command.startswith("dvc exp show")]
    table = copy.run("bash", "-c", show)
    head, *rows = [[cell.strip() for cell in line.split("|")] for line in table.splitlines() if line.startswith("|")]
    (state,) = [row[head.index("State")] for row in rows if "[broken]" in row[1]]
    assert state == "Failed", table


def test_the_step_of_a_running_training_is_shown(copy):
    """A training rewrites this file as it goes on; DVC reads it from the workspace, whether or not it is done."""
    path = copy.root / "data/curves/train_predictor/metrics.json"
    figures = json.loads(path.read_text())
    path.unlink()  # a link into the cache
    path.write_text(json.dumps(figures | {"step": 1234}))
    shown = json.loads(copy.dvc("exp", "show", "--json").splitlines()[-1])
    metrics = shown[0]["data"]["metrics"]["data/curves/train_predictor/metrics.json"]["data"]
    assert metrics["step"] == 1234 and metrics["train"].keys() == figures["train"].keys()
