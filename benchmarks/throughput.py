"""How fast the stages are, each beside the bound that its indispensable part sets, measured in turns in the same run.

    python -m benchmarks.throughput

needs data/ as `dvc repro` leaves it. preprocess: the stage (deciding, decoding, resizing, storing) beside decoding and
resizing alone, in processes on all cores; on H.264 videos of 640x480, made here of the demonstration videos, and on
these themselves, which are so small that reading the ground truth and storing take about as long as decoding. encode:
reading, encoding and storing beside encoding frames that lie in memory. Training: the share of a step that waits for
its batch. Bars: 0.7 on ordinary videos, 0.85, and at most 5 % for stage 2.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from PIL import Image
from rich.console import Console
from rich.table import Table

from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.autoencoder.encode_params import EncodeParams
from pipeline.frames.frame_store import open_frames
from pipeline.frames.pixels import to_unit
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.read_video import probe, read_frames
from pipeline.frames.source import open_source
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.write_video import write_video
from pipeline.latents.clips import hold, random_windows
from pipeline.latents.latent_store import open_latents
from pipeline.params import read_section
from pipeline.predictor.augmentation import augment
from pipeline.predictor.predictor import load_predictor
from pipeline.predictor.train_predictor_params import TrainPredictorParams
from stages.encode import encode
from stages.preprocess import preprocess

PARAMS = Path("params.yaml")
ORDINARY = (640, 480)
NUM_JOINED, NUM_COPIES = 8, 24
"""Demonstration videos that follow each other in one ordinary video, and how many of these there are."""


def clock(work: Callable[[], int]) -> float:
    """Things done per second."""
    start = time.perf_counter()
    return work() / (time.perf_counter() - start)


def decode(videos: list[SourceVideo], params: PreprocessParams) -> int:
    """Decodes and resizes; keeps nothing."""
    return sum(1 for video in videos for _ in read_frames(video, params, probe(video, params)))


def ordinary_videos(params: PreprocessParams, folder: Path) -> Path:
    """A folder of NUM_COPIES names of one H.264 video of 640x480 that shows the first videos of the source,
    enlarged."""
    form = params.model_copy(update={"color": "rgb"})
    with open_source(params.source, *params.reading) as source:
        videos = source.videos[:NUM_JOINED]
        frames = [frame for video in videos for _, frame in read_frames(video, form, probe(video, form))]
    pictures = (Image.fromarray(frame).resize(ORDINARY, Image.Resampling.BICUBIC) for frame in frames)
    enlarged = np.stack([np.asarray(picture) for picture in pictures])
    folder.mkdir()
    write_video(folder / "000.mp4", enlarged, fps=25)
    for number in range(1, NUM_COPIES):
        os.link(folder / "000.mp4", folder / f"{number:03}.mp4")
    return folder


def preprocess_rates(params: PreprocessParams, rounds: int, folder: Path) -> tuple[float, float]:
    """Frames per second: of the stage, of decoding and resizing on all cores."""
    cores = os.cpu_count() or 1
    os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
    stage, bare = [], []
    with (
        open_source(params.source, *params.reading) as source,
        ProcessPoolExecutor(cores, get_context("spawn")) as pool,
    ):
        shares = [source.videos[core::cores] for core in range(cores)]
        list(pool.map(decode, [share[:1] for share in shares], [params] * cores))  # started, and their modules loaded
        for _ in range(rounds):
            bare.append(clock(lambda: sum(pool.map(decode, shares, [params] * cores))))
            stage.append(clock(lambda: preprocess(params, folder / "frames.zarr", folder / "test_frames.zarr")))
    return float(np.median(stage)), float(np.median(bare))


def encode_rates(rounds: int, folder: Path, data: Path) -> tuple[float, float]:
    """Frames per second: of the stage on all frames, of the encoder alone on as many that lie in memory."""
    params = read_section(PARAMS, "encode", EncodeParams)
    model, _ = load_autoencoder(data / "autoencoder.safetensors")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    paths = data / "frames.zarr", data / "test_frames.zarr"
    sequences = [to_unit(open_frames(path).read(slice(None))) for path in paths]
    batches = [batch for frames in sequences for batch in frames.split(params.batch_size)]
    os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")

    @torch.inference_mode()
    def bare() -> int:
        return sum(model.encode(batch.to(device)).pose.cpu().shape[:2].numel() for batch in batches)

    rates = [
        (clock(lambda: encode(params, *paths, data / "autoencoder.safetensors", folder / "latents.zarr")), clock(bare))
        for _ in range(rounds)
    ]
    stage, alone = np.median(rates, 0)
    return float(stage), float(alone)


def waiting_share(num_steps: int, data: Path) -> float:
    """The share of a stage-2 step that goes by until its batch is there."""
    params = read_section(PARAMS, "train_predictor", TrainPredictorParams)
    store = open_latents(data / "latents.zarr")
    model, _ = load_predictor(data / "predictor.safetensors")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).train()
    adam = torch.optim.AdamW(model.parameters(), 0.0, fused=True)
    num_frames, waited, total = params.context_frames + params.horizon, 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        latents = hold(store.read, store.rows("train"), Path(folder))
        for step in range(num_steps):
            start = time.perf_counter()
            generator = torch.Generator().manual_seed(step)
            clips = random_windows(latents, num_frames, params.batch_size, generator)
            clips = augment(clips, store.spec, params.augmentation, generator)
            clips = clips.to(device)
            there = time.perf_counter()
            context, target = clips.frames(0, params.context_frames), clips.frames(params.context_frames, num_frames)
            model.losses(context, target, step / num_steps)["loss"].backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), params.training.max_grad_norm)
            adam.step()
            adam.zero_grad()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if step >= num_steps // 5:  # the first ones warm up
                waited, total = waited + there - start, total + time.perf_counter() - start
    return waited / total


def main(
    data: Annotated[Path, typer.Option(help="What `dvc repro` made.")] = Path("data"),
    rounds: Annotated[int, typer.Option(help="Stage and bound take turns so often; medians are shown.")] = 3,
    steps: Annotated[int, typer.Option(help="Training steps that are timed.")] = 100,
    json_path: Annotated[Path | None, typer.Option("--json", help="File for the figures.")] = None,
) -> None:
    """Times every stage and its bound."""
    figures: dict[str, dict[str, float | None]] = {
        "stage 2 waits for data": {"share": waiting_share(steps, data), "bar": 0.05},
    }
    params = read_section(PARAMS, "preprocess", PreprocessParams)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ordinary = params.model_copy(update={"source": ordinary_videos(params, folder / "ordinary")})
        for stage, (rate, bound), bar in (
            ("preprocess, 640x480", preprocess_rates(ordinary, rounds, folder), 0.7),
            ("preprocess, demonstration", preprocess_rates(params, rounds, folder), None),
            ("encode", encode_rates(rounds, folder, data), 0.85),
        ):
            figures[stage] = {"frames_per_second": rate, "bound": bound, "share": rate / bound, "bar": bar}
    table = Table(title="throughput", title_justify="left")
    for column in ("", "frames/s", "bound, frames/s", "share", "bar"):
        table.add_column(column, justify="right" if column else "left")
    for what, row in figures.items():
        cells = [f"{row[key]:,.0f}" if key in row else "" for key in ("frames_per_second", "bound")]
        table.add_row(what, *cells, f"{row['share']:.3f}", "" if row["bar"] is None else f"{row['bar']:g}")
    Console().print(table)
    if json_path is not None:
        json_path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
