"""Runs beside each other and runs that are killed, in `--temp` and in the queue: all end as undisturbed ones do.

Trainings are stopped (SIGSTOP) or killed at their first checkpoint, so that they meet however fast the machine is.
"""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import Workspace, change, content, stages_run

OUTS = {
    "train_predictor": ("data/predictor.safetensors", "data/curves/train_predictor"),
    "generate": ("data/predicted_latents.zarr", "data/predicted_frames.zarr", "data/pictures"),
}
NUM_STEPS = 300
"""Enough that no training ends before its first checkpoint is noticed, even on a machine that halts for seconds."""
SMALL = {
    "train_predictor": {
        "mixture": {"hidden_dim": 32, "num_layers": 1}, "batch_size": 16,
        "training": {"num_steps": NUM_STEPS, "validate_every": 10, "patience": None},
    },
    "generate": {"num_pictures": 0},
}
SEEDS = (1, 2, 3)
LONGEST_WAIT = 300
"""Seconds."""
ALONE = """
import sys
from pathlib import Path
from stages import generate, train_predictor

for name in sys.argv[1:]:
    out, params = Path(name) / "data", Path(name) / "params.yaml"
    train_predictor.main(params=params, weights=out / "predictor.safetensors", curves=out / "curves/train_predictor",
                         cost=out / "cost/train_predictor.json")
    generate.main(predictor=out / "predictor.safetensors", predicted_latents=out / "predicted_latents.zarr",
                  predicted_frames=out / "predicted_frames.zarr", pictures=out / "pictures", edit=[], params=params,
                  cost=out / "cost/generate.json")
"""
"""The stages by hand, one run after the other, in one process, which saves some time."""


def write_seed(workspace: Workspace, seed: int, params: Path) -> None:
    yaml = YAML()
    document = yaml.load(workspace.root / "params.yaml")
    change(document, SMALL)
    change(document, {"train_predictor": {"training": {"seed": seed}}})
    params.parent.mkdir(parents=True, exist_ok=True)
    yaml.dump(document, params)


@pytest.fixture(scope="module")
def alone(workspace, tmp_path_factory) -> dict[int, dict[str, dict]]:
    """By seed: the contents of every output of stage 2 after an undisturbed run."""
    folders = {seed: tmp_path_factory.mktemp(f"alone-{seed}") for seed in SEEDS}
    for seed, folder in folders.items():
        write_seed(workspace, seed, folder / "params.yaml")
    workspace.run(sys.executable, "-c", ALONE, *map(str, folders.values()))
    names = [out for outs in OUTS.values() for out in outs]
    made = {seed: {out: content(folder / out) for out in names} for seed, folder in folders.items()}
    assert len({str(outputs["data/predictor.safetensors"]) for outputs in made.values()}) == len(SEEDS)
    return made


@pytest.fixture
def copy(workspace, tmp_path) -> Workspace:
    """Ready to run the last seed."""
    copy = Workspace(Path(shutil.copytree(workspace.root, tmp_path / "layercast", symlinks=True)))
    write_seed(copy, SEEDS[-1], copy.root / "params.yaml")
    return copy


def in_workspace(copy: Workspace, outs: tuple[str, ...]) -> dict[str, dict]:
    return {out: content(copy.root / out) for out in outs}


def in_experiment(copy: Workspace, name: str, stages: tuple[str, ...]) -> dict[str, dict]:
    """Contents of these stages' outputs as the experiment's lock file names them and DVC's cache holds them."""
    lock = YAML(typ="safe").load(copy.run("git", "show", f"{experiments(copy)[name]}:dvc.lock"))

    def cached(md5: str) -> bytes:
        return (copy.root / ".dvc/cache/files/md5" / md5[:2] / md5[2:]).read_bytes()

    found = {}
    for out in (out for stage in stages for out in lock["stages"][stage]["outs"]):
        if not out["path"].startswith("data/cost/"):
            files = json.loads(cached(out["md5"])) if out["md5"].endswith(".dir") else [{"relpath": ".", **out}]
            found[out["path"]] = {file["relpath"]: hashlib.sha256(cached(file["md5"])).hexdigest() for file in files}
    return found


def experiments(copy: Workspace) -> dict[str, str]:
    """Git's reference of each experiment that is done, by its name."""
    references = copy.run("git", "for-each-ref", "--format=%(refname)", "refs/exps").split()
    return {reference.split("/")[-1]: reference for reference in references}


def wait_until(copy: Workspace, done: Callable[[], object], what: str, every: float = 0.02):
    end = time.monotonic() + LONGEST_WAIT
    while not (result := done()):
        assert time.monotonic() < end, f"{what}\n{printed(copy)}"
        time.sleep(every)
    return result


def printed(copy: Workspace) -> str:
    """The last that DVC's workers and their experiments, and commands that run beside a test, have printed."""
    logs = [*(copy.root / ".dvc/tmp/exps").rglob("*.out"), *copy.root.parent.glob("*.log")]
    return "\n".join(f"{log}:\n{log.read_text()[-3000:]}" for log in sorted(logs))


def at_checkpoint(copy: Workspace) -> set[int]:
    """Processes that train and have written a checkpoint."""
    return {int((file.parent / "lock").read_text()) for file in (copy.root / ".resume").glob("*/*/checkpoint.pt")}


def signal_at_checkpoint(copy: Workspace, number: int, what: signal.Signals) -> set[int]:
    """Sends so many trainings a signal as each writes its first checkpoint; returns the processes."""
    sent: set[int] = set()

    def send() -> bool:
        for process in at_checkpoint(copy) - sent:
            os.kill(process, what)
            sent.add(process)
        return len(sent) == number

    wait_until(copy, send, f"{number} trainings at a checkpoint")
    return sent


def let_go_on(processes: set[int]) -> None:
    for process in processes:
        os.kill(process, signal.SIGCONT)


@contextmanager
def beside(copy: Workspace, log: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """Runs a command of DVC beside the block, after which it is waited for."""
    with log.open("w") as file:
        process = subprocess.Popen([sys.executable, "-m", "dvc", *arguments], cwd=copy.root, env=copy.environment,
                                   stdout=file, stderr=subprocess.STDOUT)
    try:
        yield process
        process.wait(LONGEST_WAIT)
    finally:
        process.kill()
        process.wait()


def queue(copy: Workspace, name: str, seed: int, target: str) -> None:
    copy.dvc("exp", "run", "--queue", "--name", name, "-S", f"train_predictor.training.seed={seed}", target)


def wait_for_experiments(copy: Workspace, *names: str) -> None:
    wait_until(copy, lambda: set(names) <= experiments(copy).keys(), f"experiments {names}", every=0.5)


def test_two_queue_workers_and_the_workspace_end_as_they_do_alone(copy, alone, tmp_path):
    for seed in SEEDS[:2]:
        queue(copy, f"seed-{seed}", seed, "generate")
    with (
        beside(copy, tmp_path / "queue.log", "queue", "start", "-j", "2"),
        beside(copy, tmp_path / "here.log", "repro", "generate") as here,
    ):
        let_go_on(signal_at_checkpoint(copy, 3, signal.SIGSTOP))
    output = (tmp_path / "here.log").read_text()
    assert here.returncode == 0, output
    assert stages_run(output) == list(OUTS)
    wait_for_experiments(copy, *(f"seed-{seed}" for seed in SEEDS[:2]))
    for seed in SEEDS[:2]:
        assert in_experiment(copy, f"seed-{seed}", tuple(OUTS)) == alone[seed]
    assert in_workspace(copy, tuple(alone[SEEDS[-1]])) == alone[SEEDS[-1]]


def test_a_queue_worker_and_the_workspace_at_the_very_same(copy, alone, tmp_path):
    """The second waits for the first and takes over what it made."""
    queue(copy, "same", SEEDS[-1], "train_predictor")
    with beside(copy, tmp_path / "queue.log", "queue", "start"):
        (first,) = signal_at_checkpoint(copy, 1, signal.SIGSTOP)
        with beside(copy, tmp_path / "here.log", "repro", "train_predictor") as here:
            log, text = tmp_path / "here.log", f"process {first} is at the very same"
            wait_until(copy, lambda: text in log.read_text(), "it waits")
            let_go_on({first})
    output = (tmp_path / "here.log").read_text()
    assert here.returncode == 0 and f"going on after step {NUM_STEPS}" in output, output
    wait_for_experiments(copy, "same")
    wanted = {out: alone[SEEDS[-1]][out] for out in OUTS["train_predictor"]}
    assert in_workspace(copy, OUTS["train_predictor"]) == wanted
    assert in_experiment(copy, "same", ("train_predictor",)) == wanted
    assert not list((copy.root / ".resume").glob("*/*"))


def killed_in_temp(copy: Workspace, log: Path) -> str:
    command = ["exp", "run", "--temp", "--name", "again", "train_predictor"]
    with beside(copy, log, *command) as process:
        signal_at_checkpoint(copy, 1, signal.SIGKILL)
    assert process.returncode != 0
    return copy.dvc(*command)


def ended(status: str) -> str:
    """The status, once no worker is left, who might not take what is queued next."""
    return status if "0 active, 0 idle" in status else ""


def killed_in_queue(copy: Workspace, log: Path) -> str:
    queue(copy, "first", SEEDS[-1], "train_predictor")
    with beside(copy, log, "queue", "start"):
        signal_at_checkpoint(copy, 1, signal.SIGKILL)
    status = wait_until(copy, lambda: ended(copy.dvc("queue", "status")), "its worker ends", every=3)
    assert "Failed" in status
    queue(copy, "again", SEEDS[-1], "train_predictor")
    copy.dvc("queue", "start")
    wait_for_experiments(copy, "again")
    return copy.dvc("queue", "logs", "again")


@pytest.mark.parametrize("killed", [killed_in_temp, killed_in_queue])
def test_a_killed_experiment_goes_on_to_the_same_bytes(copy, alone, tmp_path, killed):
    assert "going on after step" in killed(copy, tmp_path / "killed.log")
    wanted = {out: alone[SEEDS[-1]][out] for out in OUTS["train_predictor"]}
    assert in_experiment(copy, "again", ("train_predictor",)) == wanted
    assert not list((copy.root / ".resume").glob("*/*"))
