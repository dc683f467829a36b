"""Predictors trained end to end through the pixels, on the clips that layercast learns from: what they reach for what
their training cost."""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmarks.convlstm import ConvLSTMForecaster, convlstm_loss
from benchmarks.simvp import SimVP, simvp_loss
from benchmarks.svg import SVG, svg_loss
from pipeline.errors import UserError
from pipeline.frames.forecast_clips import forecast_clips, read_clips
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.memory_meter import cuda_peaks, most_resident
from pipeline.metrics.frame_quality import frame_quality
from pipeline.write_file import file_to_write

CONTEXT_FRAMES, HORIZON = 10, 10
BATCH_SIZE = 4
METHODS: dict[str, tuple[Callable, Callable, float]] = {
    "SimVP": (lambda height, width: SimVP(CONTEXT_FRAMES), simvp_loss, 1e-3),
    "SVG-LP": (SVG, svg_loss, 2e-3),
    "ConvLSTM": (lambda height, width: ConvLSTMForecaster(), convlstm_loss, 1e-3),
}
"""Model of frames of a size, loss, and the learning rate of Adam that their papers or their code give."""


@dataclass(frozen=True)
class Point:
    method: str
    seed: int
    steps: str
    hours: float
    gib: float
    psnr: float
    ssim: float


def seconds() -> float:
    """Time of this process and of those it has waited for: on the processor, or by the clock where there is a GPU."""
    if torch.cuda.is_available():
        return time.monotonic()
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def judge(prediction: np.ndarray, target: np.ndarray) -> dict[str, float]:
    """prediction [clip, sample, HORIZON, H, W, C] against target [clip, HORIZON, H, W, C], averaged over everything."""
    figures = frame_quality(to_unit(prediction), to_unit(np.broadcast_to(target[:, None], prediction.shape)))
    return {name: float(figures[name].mean()) for name in ("psnr", "ssim")}


def read_test_clips(store: FrameStore) -> tuple[np.ndarray, np.ndarray]:
    """Given and following frames of the clips that generate forecasts, in its order: uint8 [clip, T, H, W, C] each."""
    frames = read_clips(store, forecast_clips(store, CONTEXT_FRAMES + HORIZON), 0, CONTEXT_FRAMES + HORIZON)
    return frames[:, :CONTEXT_FRAMES], frames[:, CONTEXT_FRAMES:]


def train_peer(
    method: str, budgets: list[float], seed: int, store: FrameStore, context: np.ndarray, target: np.ndarray,
    state: Path,
) -> Iterator[Point]:
    """Trains until so many seconds are spent; judged at each of the budgets, which ascend. After each of them `state`
    has all that training goes on from; one that is past the first budget belongs to points that are lost, and training
    starts afresh. Call in a process of its own: memory is its peak."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(seed)
    build, loss, rate = METHODS[method]
    model = build(store.height, store.width).to(device)
    adam = torch.optim.Adam(model.parameters(), rate)
    rows, random = store.rows("train"), np.random.default_rng(seed)
    spent, steps, memory = 0.0, 0, 0
    before = torch.load(state, map_location=device, weights_only=True) if state.exists() else None
    if before and before["spent"] < budgets[0]:
        model.load_state_dict(before["model"])
        adam.load_state_dict(before["adam"])
        random.bit_generator.state = json.loads(before["random"])
        torch.set_rng_state(before["torch"].cpu())
        spent, steps, memory = before["spent"], before["steps"], before["memory"]
    for budget in budgets:
        model.train()
        while spent < budget:
            begin = seconds()
            clips = to_unit(store.read(random.choice(rows, BATCH_SIZE))[:, :CONTEXT_FRAMES + HORIZON]).to(device)
            adam.zero_grad()
            loss(model, clips, CONTEXT_FRAMES).backward()
            adam.step()
            spent, steps = spent + seconds() - begin, steps + 1
        memory = max(memory, cuda_peaks()[1] or most_resident())
        now = {"model": model.state_dict(), "adam": adam.state_dict(), "torch": torch.get_rng_state(), "spent": spent,
               "random": json.dumps(random.bit_generator.state), "steps": steps, "memory": memory}
        model.eval()
        with torch.no_grad():
            futures = [to_uint8(model(to_unit(clip).to(device), HORIZON)) for clip in np.split(context, len(context))]
        quality = judge(np.stack(futures), target)
        with file_to_write(state) as file:
            torch.save(now, file)
        yield Point(method, seed, str(steps), spent / 3600, memory / 2**30, **quality)


def train_apart(method: str, budgets: list[float], seed: int, folder: Path) -> Iterator[Point]:
    """train_peer in a process of its own, on the frame stores that preprocess has written to `folder`; its state is
    kept there. Each point comes as soon as it is there."""
    arguments = json.dumps([method, budgets, seed, str(folder)])
    code = "import sys, json; from benchmarks.peers import _apart; _apart(*json.loads(sys.argv[1]))"
    with subprocess.Popen([sys.executable, "-c", code, arguments], stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            yield Point(**json.loads(line))
    if process.returncode:
        raise UserError(f"training {method} failed, see above")


def _apart(method: str, budgets: list[float], seed: int, folder: str) -> None:
    store, test = (open_frames(Path(folder) / name) for name in ("frames.zarr", "test_frames.zarr"))
    state = Path(folder) / f"{method}_{seed}.pt"
    for point in train_peer(method, budgets, seed, store, *read_test_clips(test), state):
        print(json.dumps(asdict(point)), flush=True)
