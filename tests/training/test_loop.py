import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.resume.states import load_state
from pipeline.training.loop import rate_at, train
from pipeline.training.training_params import TrainingParams

ROOT = Path(__file__).resolve().parents[2]
PARAMS = dict(
    num_steps=40, learning_rate=0.01, weight_decay=0.01, warmup_fraction=0.1, max_grad_norm=1.0, validate_every=7,
    precision="no", seed=3,
)

# A training whose steps last 20 ms, as a program of its own: `python toy.py OUT RESUME`.
TOY = """
import sys, time
from pathlib import Path
import torch
from torch import nn
from pipeline.training.batches import batch_share
from pipeline.training.loop import train
from pipeline.training.prepare import prepare_process
from pipeline.training.training_params import TrainingParams
from pipeline.resume.folders import is_main_process

out, resume, pause = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3])
resume.mkdir(parents=True, exist_ok=True)
params = TrainingParams(**PARAMS)
prepare_process(params.seed)
model = nn.Sequential(nn.Linear(5, 16), nn.Tanh(), nn.Dropout(float(sys.argv[4])), nn.Linear(16, 2))
target = nn.Linear(5, 2).requires_grad_(False)

def make_batch(step):
    time.sleep(pause)
    x = torch.randn(8, 5, generator=torch.Generator().manual_seed(step))[batch_share(8)]
    return x, target(x)

def loss(model, batch, progress):
    x, y = batch
    return {"loss": (model(x) - y).square().mean()}

def validate(model):
    x = torch.linspace(-1, 1, 50).reshape(10, 5)
    return {"loss": (model(x) - target(x)).square().mean().item()}

best, _ = train(model, make_batch, loss, validate, params, out / "curves", resume, 8, checkpoint_seconds=0.1)
if is_main_process():
    torch.save(best, out / "weights.pt")
""".replace("PARAMS", repr(PARAMS))


@pytest.fixture
def toy(tmp_path):
    """Returns a function that starts the toy training and one that reads what it wrote."""
    script = tmp_path / "toy.py"
    script.write_text(TOY)

    def start(out, resume="resume", pause=0.0, dropout=0.5, launcher=()):
        (tmp_path / out).mkdir(exist_ok=True)
        command = [sys.executable, *launcher, script, tmp_path / out, tmp_path / resume, pause, dropout]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen([str(part) for part in command], cwd=tmp_path, env=environment)

    def outcome(out):
        weights = torch.load(tmp_path / out / "weights.pt", weights_only=True)
        curves = {f.name: f.read_bytes() for f in sorted((tmp_path / out / "curves").rglob("*")) if f.is_file()}
        return {name: tensor.numpy().tobytes() for name, tensor in weights.items()}, curves

    return start, outcome


def train_here(tmp_path, model, loss, validate=lambda model: {"loss": 0.0}, **changes):
    params = TrainingParams(**{**PARAMS, **changes})
    best, _ = train(model, lambda step: torch.ones(4, 3), loss, validate, params, tmp_path / "curves", tmp_path, 4)
    return best


def wait_for_checkpoint(path: Path, later_than: int) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.stat().st_mtime_ns > later_than):
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_training_goes_on_to_the_same_bytes(toy, tmp_path):
    start, outcome = toy
    checkpoint = tmp_path / "resume" / "checkpoint.pt"
    undisturbed = start("undisturbed", resume="other")
    reached = [0]
    for stop, code in [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 128 + signal.SIGTERM)]:
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        running = start("disturbed", pause=0.1)
        wait_for_checkpoint(checkpoint, before)
        running.send_signal(stop)
        assert running.wait() == code
        reached.append(load_state(checkpoint)["step"])
    assert reached[0] < reached[1] < reached[2] < PARAMS["num_steps"], "it ended too early: this test tested nothing"
    assert start("disturbed").wait() == 0
    assert undisturbed.wait() == 0
    assert outcome("disturbed") == outcome("undisturbed")
    assert any(name.endswith(".tsv") for name in outcome("undisturbed")[1])


def test_an_interrupt_checkpoints_the_step_at_hand_and_exits(tmp_path):
    def loss(model, batch, progress):
        if progress == 11 / 40:
            os.kill(os.getpid(), signal.SIGINT)
        return {"loss": model(batch).square().mean()}

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as stopped:
        train_here(tmp_path, nn.Linear(3, 1), loss)
    assert stopped.value.code == 128 + signal.SIGINT
    assert load_state(tmp_path / "checkpoint.pt")["step"] == 12
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.slow
def test_two_processes_train_as_one(toy):
    start, outcome = toy
    launcher = ("-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone")
    alone = start("one", "resume_one", dropout=0.0)
    together = start("two", "resume_two", dropout=0.0, launcher=launcher)
    assert alone.wait(120) == 0 and together.wait(120) == 0
    one, two = outcome("one")[0], outcome("two")[0]
    for name in one:
        torch.testing.assert_close(
            torch.frombuffer(bytearray(one[name]), dtype=torch.float32),
            torch.frombuffer(bytearray(two[name]), dtype=torch.float32), rtol=1e-3, atol=1e-4,
        )


def test_a_batch_in_parts_trains_as_a_whole(tmp_path):
    def run(folder, **settings):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
        params = TrainingParams(**PARAMS)

        def loss(model, batch, progress):
            return {"loss": (model(batch) - batch.sum(1, keepdim=True)).square().sum() / 4}

        best, _ = train(
            model, lambda step: torch.randn(4, 3, generator=torch.Generator().manual_seed(step)), loss,
            lambda model: {"loss": loss(model, torch.ones(4, 3), 1)["loss"].item()}, params, folder / "curves", folder,
            4, **settings,
        )
        return best

    whole, parts = run(tmp_path / "whole"), run(tmp_path / "parts", parts=lambda batch: batch.split([1, 3]))
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-5)
    files = [tmp_path / name / "curves/plots/metrics/train/loss.tsv" for name in ("whole", "parts")]
    curves = [[float(x) for x in file.read_text().split()[2:]] for file in files]
    assert curves[1] == pytest.approx(curves[0], rel=1e-3)


def test_the_best_state_by_validation_is_returned(tmp_path):
    model = nn.Linear(3, 1)
    figures = iter([0.5, 0.1, 0.3, 0.2, 0.4, 0.6])
    states = []

    def validate(model):
        states.append(model.weight.detach().clone())
        return {"loss": next(figures)}

    best = train_here(tmp_path, model, lambda model, batch, progress: {"loss": model(batch).square().mean()}, validate)
    assert torch.equal(best["weight"], states[1])
    assert not torch.equal(best["weight"], model.weight)


@pytest.mark.parametrize("factor", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_names_the_step_and_leaves_the_weights(tmp_path, factor):
    model = nn.Linear(3, 1)
    seen = []

    def loss(model, batch, progress):
        seen.append(model.weight.detach().clone())
        return {"loss": model(batch).mean() * (factor if len(seen) == 5 else 1.0)}

    with pytest.raises(UserError, match="step 5: loss is (nan|-?inf)"):
        train_here(tmp_path, model, loss)
    assert torch.equal(model.weight, seen[-1])
    kept = load_state(tmp_path / "checkpoint.pt")
    assert kept["step"] == 4 and torch.equal(kept["model"]["weight"], seen[-1])


def test_a_validation_that_is_not_finite_keeps_the_weights_before_the_step(tmp_path):
    model, seen = nn.Linear(3, 1), []

    def loss(model, batch, progress):
        seen.append(model.weight.detach().clone())
        return {"loss": model(batch).square().mean()}

    figures = iter([0.5, math.nan])
    with pytest.raises(UserError, match="step 14: validation loss is nan.*kept in"):
        train_here(tmp_path, model, loss, lambda model: {"loss": next(figures)})
    kept = load_state(tmp_path / "checkpoint.pt")
    assert kept["step"] == 13 and torch.equal(kept["model"]["weight"], seen[-1])
    assert kept["best_loss"] == 0.5 and kept["best"]


def test_a_gradient_that_is_not_finite_is_caught(tmp_path):
    def loss(model, batch, progress):  # the slope of the square root at 0 is infinite, its value is not
        return {"loss": (model(batch) * 0).abs().sqrt().mean()}

    with pytest.raises(UserError, match="step 1: grad_norm is nan"):
        train_here(tmp_path, nn.Linear(3, 1), loss)


def test_progress_rises_from_zero_and_bf16_reaches_the_model(tmp_path):
    seen = []

    def loss(model, batch, progress):
        seen.append((progress, model(batch).dtype))
        return {"loss": model(batch).float().square().mean()}

    train_here(tmp_path, nn.Linear(3, 1), loss, precision="bf16")
    assert [progress for progress, _ in seen] == [step / 40 for step in range(40)]
    assert {dtype for _, dtype in seen} == {torch.bfloat16}


def test_the_rate_rises_then_falls_to_zero():
    params = TrainingParams(**PARAMS)
    rates = [rate_at(step, params) for step in range(40)]
    assert rates[:5] == sorted(rates[:5]) and rates[4:] == sorted(rates[4:], reverse=True)
    assert max(rates) == 1.0 and 0 < rates[0] < 0.3 and 0 < rates[-1] < 0.01


def test_a_line_is_printed_without_a_terminal(tmp_path, capsys):
    train_here(tmp_path, nn.Linear(3, 1), lambda model, batch, progress: {"loss": model(batch).square().mean()})
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("step 40/40  loss ") and "frames/s" in last and "GiB" in last


@pytest.mark.parametrize("start_is_good", [False, True])
def test_a_start_that_validates_best_is_kept_where_it_counts(tmp_path, start_is_good):
    """Training leads away from zero, where the model starts."""
    model = nn.Linear(3, 1, bias=False)
    nn.init.zeros_(model.weight)
    best, _ = train(
        model, lambda step: torch.ones(4, 3), lambda model, batch, _: {"loss": (model(batch) - 1).square().mean()},
        lambda model: {"loss": model.weight.abs().sum().item()}, TrainingParams(**PARAMS), tmp_path / "curves",
        tmp_path, 4, start_is_good=start_is_good,
    )
    assert (best["weight"].abs().sum() == 0) == start_is_good and model.weight.abs().sum() > 0
    points = load_state(tmp_path / "checkpoint.pt")["points"]
    assert (points[0] == [0, {"validation/loss": 0.0}]) == start_is_good


@pytest.mark.parametrize("patience, wanted", [(None, 40), (1, 14), (2, 35)])
def test_training_stops_where_validation_gains_nothing_any_more(tmp_path, capfd, patience, wanted):
    """Validated after 7, 14, 21 steps and so on: gained, not, gained, not, not."""
    found = iter([5.0, 5.5, 3.0, 3.0, 3.5])
    model = nn.Linear(3, 1)
    params = TrainingParams(**PARAMS | {"patience": patience})

    def loss(model, batch, progress):
        return {"loss": (model(batch) - 1).square().mean()}
    folder = tmp_path / "resume"
    folder.mkdir()
    best, num_steps = train(
        model, lambda step: torch.ones(4, 3), loss, lambda model: {"loss": next(found, 9.0)}, params,
        tmp_path / "curves", folder, 4,
    )
    assert num_steps == wanted
    stopped = f"stopped after step {wanted}: {patience} validations in a row brought no gain"
    assert (stopped in capfd.readouterr().err) == (patience is not None)
    assert not torch.equal(best["weight"], model.weight)
