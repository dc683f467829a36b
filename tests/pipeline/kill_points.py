"""Kills `dvc repro` at random moments of every stage and checks that it ends with the bytes of an undisturbed run.

    python -m tests.pipeline.kill_points --kills 20

The pipeline is the tiny one of the tests. Half of the kills take DVC and the stage at once, as a power cut does, half
DVC alone, as a scheduler may.
"""

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
from ruamel.yaml import YAML

from tests.pipeline.conftest import Workspace, change, content, copy_repository, stages_run
from tests.pipeline.dvc_stages import dvc_stages

NAMES = [stage.name for stage in dvc_stages()]


def outs_of(names: Sequence[str]) -> list[str]:
    """Not what it cost, which is never the same twice."""
    outs = [out for stage in dvc_stages() if stage.name in names for out in stage.outs]
    return [out for out in outs if not out.startswith("data/cost/")]


@dataclass(frozen=True)
class Kill:
    stage: str
    seconds: float
    """Counted from when this stage (or, where it is done already, the next one) begins."""
    dvc_alone: bool


def mend_what_dvc_left(workspace: Workspace, lock: bytes) -> None:
    """DVC writes two things in place: killed in between, it fails at every later run. That is not ours to repair, so
    do what the README tells a user to. An empty folder of its run cache ("join() argument must be str") is removed; a
    half-written dvc.lock ("validation failed") gives way to `lock`, the last whole one."""
    for folder in (workspace.root / ".dvc/cache/runs").glob("*/*"):
        if not any(folder.iterdir()):
            folder.rmdir()
    if not is_whole_lock(workspace):
        (workspace.root / "dvc.lock").write_bytes(lock)


def is_whole_lock(workspace: Workspace) -> bool:
    command = [sys.executable, "-m", "dvc", "status"]
    return subprocess.run(command, cwd=workspace.root, env=workspace.environment, capture_output=True).returncode == 0


def reproduce(workspace: Workspace, target: str, kill: Kill | None = None) -> tuple[str | None, dict[str, float], str]:
    """Runs `dvc repro` up to the stage `target`. Returns the stage that was killed (None: it ran to its end), the
    seconds that each stage took, and what was printed."""
    command = [sys.executable, "-m", "dvc", "repro", target]
    process = subprocess.Popen(command, cwd=workspace.root, env=workspace.environment, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, start_new_session=True)
    output, begun, struck, timer = [], {}, [], None

    def strike() -> None:
        struck.append(list(begun)[-1])
        os.kill(process.pid, signal.SIGKILL) if kill.dvc_alone else os.killpg(process.pid, signal.SIGKILL)

    with process:
        for line in process.stdout:
            output.append(line)
            for name in stages_run(line):
                begun[name] = time.monotonic()
                if kill and timer is None and NAMES.index(name) >= NAMES.index(kill.stage):
                    timer = threading.Timer(kill.seconds, strike)
                    timer.start()
    if timer:
        timer.cancel()
        timer.join()
    assert struck or process.returncode == 0, "".join(output)[-5000:]
    starts = [*begun.values(), time.monotonic()]  # the run cache may have had all of them
    seconds = {name: end - start for name, (start, end) in zip(begun, pairwise(starts), strict=True)}
    return struck[0] if struck else None, seconds, "".join(output)


def lengthen_training(workspace: Workspace, names: Sequence[str]) -> None:
    """Enough steps for kills to fall between checkpoints."""
    yaml = YAML()
    document = yaml.load(workspace.root / "params.yaml")
    for name, num_steps in (("train_autoencoder", 12), ("train_predictor", 60)):
        if name in names:
            change(document[name]["training"], {"num_steps": num_steps, "validate_every": num_steps // 6})
    yaml.dump(document, workspace.root / "params.yaml")


def start_over(workspace: Workspace, names: Sequence[str]) -> None:
    """Removes every output of these stages and all that DVC or a stage remembers of one."""
    for path in (*outs_of(names), ".resume", ".dvc/cache/runs", ".dvc/tmp"):
        path = workspace.root / path
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    yaml = YAML()
    for path in (workspace.root / "dvc.lock", workspace.root / "data/sprites/dvc.lock"):
        if path.exists():
            document = yaml.load(path)
            for name in names:
                document["stages"].pop(name, None)
            yaml.dump(document, path)


def kill_points(workspace: Workspace, num_kills: int, seed: int, names: Sequence[str] = tuple(NAMES)) -> list[str]:
    """Kills in the stages `names`, which follow one another; those before them are done, those after them do not run.
    Raises AssertionError when an output differs from the undisturbed run. Returns a line for each kill."""
    lengthen_training(workspace, names)
    start_over(workspace, names)
    seconds = reproduce(workspace, names[-1])[1]
    assert list(seconds) == list(names)
    undisturbed = {out: content(workspace.root / out) for out in outs_of(names)}
    kept = Path(tempfile.mkdtemp(dir=workspace.root.parent))
    for path in workspace.root.glob("data/**/*.mp4"):
        (kept / path.relative_to(workspace.root)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, kept / path.relative_to(workspace.root))
    start_over(workspace, names)
    draw, lines = random.Random(seed), []
    for i, name in enumerate(sorted((names[i % len(names)] for i in range(num_kills)), key=names.index)):
        struck = None
        while struck is None:
            kill = Kill(name, draw.uniform(0.0, seconds[name]), dvc_alone=i % 2 == 1)
            lock = (workspace.root / "dvc.lock").read_bytes()
            struck, _, output = reproduce(workspace, names[-1], kill)
            mend_what_dvc_left(workspace, lock)
            if struck is None:  # it was quicker
                start_over(workspace, names)
        what = "DVC alone" if kill.dvc_alone else "all"
        went_on = ", had gone on from an earlier one" if "going on after step" in output else ""
        lines.append(f"{struck}: {what} killed {kill.seconds:.1f} s after {name} was due{went_on}")
        print(lines[-1], flush=True)
    reproduce(workspace, names[-1])
    for out, wanted in undisturbed.items():
        found = content(workspace.root / out)
        others = sorted(name for name in {*wanted, *found} if wanted.get(name) != found.get(name))
        pairs = ((kept / out / name, workspace.root / out / name) for name in others if name.endswith(".mp4"))
        how = [how_films_differ(*pair) for pair in pairs if all(path.exists() for path in pair)]
        assert not others, f"{out} is not that of the undisturbed run: {', '.join(others)} {'; '.join(how)}"
    assert not list((workspace.root / "data").rglob("*.partial"))
    return lines


def how_films_differ(wanted: Path, found: Path) -> str:
    """Where two films show something else."""
    sizes = f"{wanted.stat().st_size} bytes became {found.stat().st_size}"
    first, second = (np.stack([frame.to_ndarray(format="rgb24") for frame in av.open(str(path)).decode(video=0)])
                     for path in (wanted, found))
    if first.shape != second.shape:
        return f"{sizes}, {first.shape} became {second.shape}"
    apart = np.abs(first.astype(int) - second).max(-1)
    frames, rows, columns = (np.unique(axis) for axis in apart.nonzero())
    if not len(frames):
        return f"{sizes}, and every frame shows the same"
    return (f"{sizes}; frames {frames.tolist()}, rows {rows.min()} to {rows.max()}, columns {columns.min()} to "
            f"{columns.max()} of {apart.shape[1:]}, by up to {apart.max()} levels")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        done = kill_points(copy_repository(Path(folder) / "layercast"), options.kills, options.seed)
    print(f"{len(done)} kills; every output is byte for byte that of the undisturbed run")
