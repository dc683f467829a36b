"""Own videos as docs/data.md says: the demonstration out of the way, experiments in folders of their own, sharing."""

import shutil
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipeline.frames.write_video import write_video
from tests.pipeline.conftest import Workspace, copy_repository, stages_run
from tests.pipeline.documents import commands
from tests.pipeline.tiny_run import moving_squares, write_params

HEADINGS = "From a fresh clone", "Videos inside the repository"
LONGEST_WAIT = 300
"""Seconds."""
STAGES = ("preprocess", "train_autoencoder", "encode", "train_predictor")
"""Those that are left of the pipeline, to be quick."""


def write_own(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, frames in enumerate(moving_squares()):
        write_video(folder / f"{number}.mkv", frames, 10)


def pasted(*beginnings: str) -> list[str]:
    """The lines of the docs on own videos that begin so, in their order."""
    lines = [line for heading in HEADINGS for line in commands(heading, "dvc", "git")]
    return [line for line in lines if line.startswith(beginnings)]


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Workspace:
    """A clone with videos in datasets/mine that neither git nor DVC tracks, run and committed."""
    workspace = copy_repository(tmp_path_factory.mktemp("own") / "layercast")
    write_own(workspace.root / "datasets/mine")
    write_params(workspace.root / "params.yaml", {"preprocess": {"source": "datasets/mine"}})
    yaml = YAML()
    stages = yaml.load(workspace.root / "dvc.yaml")["stages"]
    yaml.dump({"stages": {name: stages[name] for name in STAGES}}, workspace.root / "dvc.yaml")
    (remove,) = pasted("dvc remove")
    workspace.run("bash", "-c", remove)
    assert stages_run(workspace.dvc("repro")) == list(STAGES)
    workspace.commit()
    return workspace


@pytest.fixture
def copy(own, tmp_path) -> Workspace:
    return Workspace(Path(shutil.copytree(own.root, tmp_path / "layercast", symlinks=True)))


@pytest.fixture
def tracked(copy) -> Workspace:
    for command in pasted("dvc add", "git add", "git commit"):
        copy.run("bash", "-c", command)
    return copy


def wait_for(workspace: Workspace, *names: str) -> None:
    end = time.monotonic() + LONGEST_WAIT
    list_experiments = ("git", "for-each-ref", "--format=%(refname:lstrip=4)", "refs/exps")
    while not set(names) <= set(workspace.run(*list_experiments).split()):
        status = workspace.dvc("queue", "status")
        assert "Failed" not in status and time.monotonic() < end, workspace.dvc("queue", "logs", names[0])
        time.sleep(0.5)


def test_the_demonstration_is_out_of_the_way(copy, tmp_path):
    assert "up to date" in copy.dvc("status")
    copy.dvc("checkout")
    copy.dvc("remote", "add", "--default", "storage", str(tmp_path / "storage"))
    assert "pushed" in copy.dvc("push")


def test_the_queue_of_the_docs_needs_no_videos(copy):
    (command,) = [line for line in commands("One run, then a grid", "dvc") if line.startswith("dvc exp run --queue")]
    copy.run("bash", "-c", command.replace("-S generate.num_samples=5,10", ""))
    copy.run("bash", "-c", "dvc queue start -j 2 >queue.log 2>&1")
    wait_for(copy, "grid-1", "grid-2")


def test_experiments_find_tracked_videos(tracked):
    assert tracked.run("git", "status", "--porcelain") == ""
    assert stages_run(tracked.dvc("repro")) == []  # the very same videos
    tracked.dvc("exp", "run", "--queue", "--name", "queued", "-S", "preprocess.seed=1", "preprocess")
    tracked.run("bash", "-c", "dvc queue start >queue.log 2>&1")
    output = tracked.dvc("exp", "run", "--temp", "--name", "temporary", "-S", "preprocess.seed=2", "preprocess")
    assert stages_run(output) == ["preprocess"]
    wait_for(tracked, "queued", "temporary")


def test_tracked_videos_are_shared(tracked, tmp_path):
    tracked.dvc("remote", "add", "--default", "storage", str(tmp_path / "storage"))
    tracked.commit()
    tracked.dvc("push")
    tracked.run("git", "clone", "-q", ".", str(tmp_path / "clone"))
    clone = Workspace(tmp_path / "clone")
    assert stages_run(clone.dvc("repro", "--pull")) == []
    assert len(list((clone.root / "datasets/mine").iterdir())) == len(moving_squares())


def test_experiments_find_videos_elsewhere_under_their_whole_path(copy, tmp_path):
    videos = shutil.move(copy.root / "datasets/mine", tmp_path / "videos")
    write_params(copy.root / "params.yaml", {"preprocess": {"source": str(videos)}})
    copy.dvc("repro", "preprocess")
    copy.commit()
    ran = stages_run(copy.dvc("exp", "run", "--temp", "-S", "preprocess.seed=1", "preprocess"))
    assert ran == ["preprocess"]


@pytest.mark.parametrize("source", ["datasets/kth", "datasets/sets/one.npy"])
def test_nothing_below_datasets_is_refused(copy, source):
    """Of presets, say, and of files within folders."""
    path = copy.root / source
    path.parent.mkdir(parents=True, exist_ok=True)
    write_own(path) if not path.suffix else path.write_bytes(b"array")
    assert copy.run("git", "status", "--porcelain") == ""
    copy.dvc("add", source)
    changed = copy.run("git", "status", "--porcelain", "--untracked-files=all").split()
    assert f"{source}.dvc" in changed and not [name for name in changed if name.startswith(f"{source}/")]
