"""The training loop of both models. It knows neither frames nor latents: a batch is whatever `make_batch` returns."""

import math
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, send_to_device
from dvclive import Live
from torch import Tensor, nn

from pipeline.errors import UserError, writing
from pipeline.processes import processes
from pipeline.resume.folders import is_main_process
from pipeline.resume.states import load_state, save_state
from pipeline.training.batches import batches_of
from pipeline.training.interruption import interruptible
from pipeline.training.progress import TrainingProgress
from pipeline.training.training_params import TrainingParams

NUM_CURVE_POINTS = 200
CHECKPOINT = "checkpoint.pt"
SECONDS_BETWEEN_CHECKPOINTS = 20.0


def train(
    model: nn.Module,
    make_batch: Callable[[int], Any],
    loss: Callable[[Any, Any, float], dict[str, Tensor]],
    validate: Callable[[Any], Mapping[str, float | None]],
    params: TrainingParams,
    curves: Path,
    resume: Path,
    num_frames_per_batch: int,
    checkpoint_seconds: float = SECONDS_BETWEEN_CHECKPOINTS,
    parts: Callable[[Any], list] = lambda batch: [batch],
    start_is_good: bool = False,
) -> tuple[dict[str, Tensor], int]:
    """Trains `model` in place and returns its best state by validation (CPU tensors), and the number of steps taken,
    fewer than all where `patience` ran out. Call `prepare_process` before.

    make_batch(step): the batch of a step, a pure function of the step (so that a resumed training sees the same
    batches): tensors, containers of them, or anything with `.to(device)`. With several processes each takes its
    `batch_share`. loss(model, batch, progress): scalars by name, "loss" being the one to lower; progress rises from 0
    to 1. The model is the plain one, on the batch's device; torch is seeded anew for every step. validate(model):
    figures by name, None where one is not known; "loss", which is, decides which state is best. Called in eval mode,
    without gradients. num_frames_per_batch: frames in the batches of all processes together, for the rate shown.
    parts(batch): the pieces that are run one after the other; what `loss` makes of them adds up to the batch's losses,
    so the gradients do not depend on the pieces. start_is_good: the model as it comes is a candidate for the best.

    Curves go to the folder `curves` as dvclive writes them; checkpoints to `resume` (see `resume_folder`), from where a
    killed training goes on to the same bytes. SIGINT and SIGTERM write a checkpoint and exit with 128 + signal.
    Raises UserError when loss, gradient or validation loss is not finite, naming the step; the weights before that step
    are kept in `resume`.
    """
    processes()
    accelerator = Accelerator(mixed_precision="no")  # the loop casts by itself
    is_main = is_main_process()
    # fused: one pass over all weights, the same on CPU and GPU.
    adamw = torch.optim.AdamW(model.parameters(), params.learning_rate, weight_decay=params.weight_decay, fused=True)
    objective, optimizer = accelerator.prepare(_Objective(model, loss, params.precision), adamw)
    state = _restore(resume, model, optimizer, is_main)
    curve = _Curve(curves, state["points"]) if is_main else None
    log_every = max(1, params.num_steps // NUM_CURVE_POINTS)
    last_checkpoint = time.monotonic()

    def checkpoint() -> None:
        if is_main:
            save_state(resume / CHECKPOINT, {**state, "model": model.state_dict(), "optimizer": optimizer.state_dict()})

    def judge(num_done: int) -> dict[str, float | None]:
        """Figures of validation after so many steps; takes note of the best state."""
        validation = _validate(model, validate, params.precision)
        validation_loss = validation["loss"]
        assert validation_loss is not None
        _check_finite({"validation loss": validation_loss}, num_done - 1, resume)
        if validation_loss < state["best_loss"]:
            state["best_loss"], state["best"], state["num_worse"] = validation_loss, _copy(model), 0
        else:
            state["num_worse"] += 1
        return {f"validation/{name}": value for name, value in validation.items()}

    def note(num_done: int, point: dict[str, float | None]) -> None:
        state["points"].append([num_done, point])
        if curve is not None:
            curve.add(num_done, point)

    if start_is_good and not state["points"]:
        note(0, judge(0))
    with (
        TrainingProgress(params.num_steps, state["step"], num_frames_per_batch, visible=is_main) as progress,
        interruptible(is_main) as interruption,
    ):
        batches = batches_of(make_batch, range(state["step"], params.num_steps), accelerator.device)
        for step in range(state["step"], params.num_steps):
            if state["num_worse"] == params.patience:
                if is_main:
                    print(f"stopped after step {step}: {params.patience} validations in a row brought no gain",
                          file=sys.stderr, flush=True)
                break
            torch.manual_seed((params.seed << 31) + step * accelerator.num_processes + accelerator.process_index)
            for group in optimizer.param_groups:
                group["lr"] = params.learning_rate * rate_at(step, params)
            model.train()
            batch = send_to_device(next(batches), accelerator.device)
            losses = _accumulate(accelerator, objective, parts(batch), step / params.num_steps)
            grad_norm = accelerator.clip_grad_norm_(model.parameters(), params.max_grad_norm)
            figures = _as_numbers({**losses, "grad_norm": grad_norm})
            followed = {name: figures[name] for name in ("loss", "grad_norm")}
            validates = (step + 1) % params.validate_every == 0 or step + 1 == params.num_steps
            if validates or not all(map(math.isfinite, followed.values())):
                checkpoint()  # the last good weights, should this step or its validation fail
            _check_finite(followed, step, resume)
            optimizer.step()
            optimizer.zero_grad()

            state["step"] = num_done = step + 1
            state["sums"] = {name: state["sums"].get(name, 0.0) + value for name, value in figures.items()}
            state["num_summed"] += 1
            point: dict[str, float | None] = {}
            if num_done % log_every == 0 or num_done == params.num_steps:
                point = {f"train/{name}": total / state["num_summed"] for name, total in state["sums"].items()}
                state["sums"], state["num_summed"] = {}, 0
            if validates:
                point |= judge(num_done)
            if point:
                note(num_done, point)
            progress.update(num_done, {"loss": figures["loss"], "best validation": state["best_loss"]})

            due = time.monotonic() - last_checkpoint >= checkpoint_seconds or num_done == params.num_steps
            if due or interruption.signal is not None:
                checkpoint()
                last_checkpoint = time.monotonic()
            if interruption.signal is not None and num_done < params.num_steps:
                print(f"stopped after step {num_done}; the same command goes on there", file=sys.stderr, flush=True)
                raise SystemExit(128 + interruption.signal)
    # The wrapper of several processes goes first: as the last owner of their connection it would close it while holding
    # Python's lock, for which the connection's own thread may be waiting.
    objective, optimizer = accelerator.free_memory(objective, optimizer)
    accelerator.end_training()
    return state["best"], state["step"]


def rate_at(step: int, params: TrainingParams) -> float:
    """Learning rate of a step as a share of its peak: linear rise over warmup_fraction, then half a cosine to zero."""
    warmup = params.warmup_fraction * params.num_steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, params.num_steps - warmup)))


class _Objective(nn.Module):
    """Model and loss as one module: what accelerate wraps, so that `loss` may call any method of the plain model."""

    def __init__(self, model: nn.Module, loss: Callable, precision: str):
        super().__init__()
        self.model = model
        self.loss = loss
        self.precision = precision

    def forward(self, batch: Any, progress: float) -> dict[str, Tensor]:
        with _autocast(self.model, self.precision):
            return self.loss(self.model, batch, progress)


class _Curve:
    """dvclive's folder, rebuilt from the points known so far. Nothing in it depends on the clock."""

    def __init__(self, folder: Path, points: list):
        self._folder = folder
        with writing(folder):
            self._live = Live(str(folder), dvcyaml=None, save_dvc_exp=False, report=None)
        for step, point in points:
            self.add(step, point)

    def add(self, step: int, point: dict[str, float | None]) -> None:
        """What is not known is null in metrics.json, and has no row in its curve."""
        self._live.step = step
        with writing(self._folder):
            for name, value in point.items():
                if value is None:
                    split, _, figure = name.partition("/")
                    self._live.summary.setdefault(split, {})[figure] = None
                else:
                    self._live.log_metric(name, value)
            self._live.make_summary()


def _restore(folder: Path, model: nn.Module, optimizer: torch.optim.Optimizer, is_main: bool) -> dict:
    """State of the loop at the last checkpoint (or at the start), the same in every process; loads model and
    optimizer."""
    box = [load_state(folder / CHECKPOINT) if is_main else None]
    state = broadcast_object_list(box)[0]
    if state is None:
        return {"step": 0, "best_loss": math.inf, "best": {}, "num_worse": 0, "sums": {}, "num_summed": 0, "points": []}
    model.load_state_dict(state.pop("model"))
    optimizer.load_state_dict(state.pop("optimizer"))
    if is_main:
        print(f"going on after step {state['step']}", file=sys.stderr, flush=True)
    return state


def _accumulate(accelerator: Accelerator, objective: nn.Module, parts: list, progress: float) -> dict[str, Tensor]:
    """Adds up the gradients of the parts of a batch, and returns their losses added up."""
    totals: dict[str, Tensor] = {}
    for number, part in enumerate(parts, start=1):
        # processes exchange their gradients once, with the last part
        with nullcontext() if number == len(parts) else accelerator.no_sync(objective):
            losses = objective(part, progress)
            accelerator.backward(losses["loss"])
        totals = {name: totals.get(name, 0) + value.detach() for name, value in losses.items()}
    return totals


def _as_numbers(losses: dict[str, Tensor]) -> dict[str, float]:
    values = torch.stack([value.detach().float() for value in losses.values()]).tolist()
    return dict(zip(losses, values, strict=True))


def _check_finite(figures: dict[str, float], step: int, resume: Path) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise UserError(
                f"training stopped at step {step + 1}: {name} is {value}; lower learning_rate or look for extreme "
                f"values in the data (the weights before that step are kept in {resume})"
            )


def _validate(model: nn.Module, validate: Callable, precision: str) -> Mapping[str, float | None]:
    model.eval()
    with torch.no_grad(), _autocast(model, precision):
        return validate(model)


def _autocast(model: nn.Module, precision: str) -> torch.autocast:
    return torch.autocast(next(model.parameters()).device.type, torch.bfloat16, enabled=precision == "bf16")


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
