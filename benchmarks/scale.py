"""What many videos and clips cost: time and memory over their number, of each stage in a process of its own.

    python -m benchmarks.scale

Sources are folders of one tiny video (4 frames of 16x16) under many names; latent stores are written directly, random
numbers of the same form. preprocess, encode (also with two processes), the start of train_predictor (all before its
first step), opening a store (here and in xarray), and `dvc repro` of one stage that reads the videos or the store, and
has nothing to do. Beside seconds stands the processor time of all processes, which other work on the machine hardly
changes; memory is the most that all of them held together. "per further item" compares with the size above: a straight
line keeps it, a flat one has 0. What train_predictor holds grows with its clips up to a quarter of the machine's
memory and is mapped from disk from there on (pipeline/spill.py); whoever opens a store holds the names of its rows.

Sources and stores lie in the folder and are not made again; figures.json there has the figures after each size.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated
from unittest.mock import patch

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import ROOT, file_name, run_stage, write_params
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.errors import UserError, one_line_errors
from pipeline.frames.write_video import write_video
from pipeline.latents.latent_store import ROWS_PER_SHARD, LatentWriter
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.memory_meter import resident, watch_resident
from pipeline.params import read_section
from pipeline.predictor.train_predictor_params import TrainPredictorParams
from pipeline.write_file import write_file

NUM_VIDEOS, NUM_CLIPS = (100, 1_000, 10_000), (1_000, 10_000, 100_000, 1_000_000)
MOST_ENCODED = 1_000
NUM_FRAMES, SIDE = 4, 16
SPEC = LatentSpec(
    num_slots=1, background_dim=2, appearance_dim=2, motion_dim=0, detail_dim=0, deformation_dim=0, height=SIDE,
    width=SIDE,
)
ARCHITECTURE = {"num_slots": 1, "object_px": 4, "patch_dim": 8}
VAL_FRACTION = 0.08
OPENINGS = {
    "open a store": "from pathlib import Path; from pipeline.latents.latent_store import open_latents; "
                    "open_latents(Path({!r}))",
    "open a store, xarray": "import xarray; xarray.open_zarr({!r}).video_id.load()",
}


def measure(work: Callable[[], object]) -> dict[str, float]:
    """What the processes cost that `work` starts and waits for: seconds, processor_seconds, peak_mib (all together)."""
    own, before, start = resident(), resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with watch_resident(0.05, children=True) as peak:
        work()
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"seconds": seconds, "processor_seconds": processor, "peak_mib": (peak[0] - own) / 2**20}


def make_videos(folder: Path, number: int) -> Path:
    """A folder of one video under `number` names: a bright square moves over a smooth ground."""
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        partial.mkdir(parents=True, exist_ok=True)
        frames = np.broadcast_to(np.linspace(0, 120, SIDE, dtype=np.uint8)[:, None], (NUM_FRAMES, SIDE, SIDE)).copy()
        for t in range(NUM_FRAMES):
            frames[t, 6:10, 1 + 3 * t:5 + 3 * t] = 255
        first = partial / f"{0:07}.mp4"
        write_video(first, frames[..., None].repeat(3, -1), fps=10)
        for i in range(1, number):
            (partial / f"{i:07}.mp4").unlink(missing_ok=True)
            os.link(first, partial / f"{i:07}.mp4")
        partial.rename(folder)
    return folder


def make_latents(path: Path, number: int) -> Path:
    """A latent store of that many clips, some of them scattered ones to validate on."""
    if not path.exists():
        random = np.random.default_rng(0)
        split = np.where(random.random(number) < VAL_FRACTION, "val", "train")
        names = np.array([f"{i:07}.mp4" for i in range(number)])
        writer = LatentWriter(
            path, SPEC, names, np.zeros(number, int), split, num_frames=NUM_FRAMES, fps=10.0,
            made_from={"autoencoder": "made up"},
        )
        for start in range(0, number, ROWS_PER_SHARD):
            count = min(ROWS_PER_SHARD, number - start)
            writer.write(start, Latents(**{name: torch.rand(count, *SPEC.shape(name, NUM_FRAMES)) for name in
                                           SPEC.names}))
        writer.finish()
    return path


def of_videos(folder: Path, number: int, most_encoded: int) -> dict[str, dict[str, float]]:
    """Costs by what is done with so many videos; with more than most_encoded nothing is encoded."""
    source, own = make_videos(folder / f"videos_{number}", number), folder / f"of_videos_{number}"
    params = own / "params.yaml"
    write_params(params, {"preprocess": {
        "source": str(source.resolve()), "height": SIDE, "width": SIDE, "sequence_length": NUM_FRAMES,
    }})
    architecture = read_section(params, "train_autoencoder", TrainAutoencoderParams).architecture
    config = AutoencoderConfig(
        architecture=architecture.model_copy(update=ARCHITECTURE), num_channels=3, height=SIDE, width=SIDE
    )
    save_autoencoder(own / file_name("autoencoder"), Autoencoder(config), {"frames": "not trained"})
    costs = {
        "preprocess": measure(lambda: run_stage("preprocess", params, own)),
        "dvc repro, videos": measure_repro(own / "dvc", source),
    }
    if number <= most_encoded:
        costs["encode"] = measure(lambda: run_stage("encode", params, own))
        costs["encode, two processes"] = measure(
            lambda: run_stage("encode", params, own, 2, latents=own / "two.zarr"))
    return costs


def of_clips(folder: Path, number: int) -> dict[str, dict[str, float]]:
    """Costs by what is done with a latent store of so many clips."""
    latents, own = make_latents(folder / f"latents_{number}.zarr", number), folder / f"of_clips_{number}"
    write_params(own / "params.yaml", {"train_predictor": {"context_frames": 2, "horizon": 2}})
    start = f"from benchmarks.scale import start_training; start_training({str(own)!r}, {str(latents)!r})"
    openings = {what: code.format(str(latents)) for what, code in OPENINGS.items()}
    return {
        what: measure(lambda: command([sys.executable, "-c", code]))  # noqa: B023, called at once
        for what, code in {**openings, "train_predictor's start": start}.items()
    } | {"dvc repro, latents": measure_repro(own / "dvc", latents)}


def start_training(folder: str, latents: str) -> None:
    """All that train_predictor does before its first step."""
    import stages.train_predictor as stage

    params = read_section(Path(folder) / "params.yaml", "train_predictor", TrainPredictorParams)
    with patch.object(stage, "train", side_effect=SystemExit):
        stage.train_predictor(params, Path(latents), Path(folder) / "weights", Path(folder) / "curves")


def measure_repro(workspace: Path, dependency: Path) -> dict[str, float]:
    """`dvc repro` in a workspace of its own of a stage that reads `dependency`, after it has been run."""
    workspace.mkdir(parents=True, exist_ok=True)
    stage = {"read": {"cmd": "exit 0", "deps": [str(dependency.resolve())]}}
    (workspace / "dvc.yaml").write_text(json.dumps({"stages": stage}), encoding="utf-8")
    dvc = [sys.executable, "-m", "dvc"]
    command([*dvc, "init", "--no-scm", "--quiet", "--force"], workspace)
    command([*dvc, "repro", "--quiet"], workspace)
    return measure(lambda: command([*dvc, "repro", "--quiet"], workspace))


def command(arguments: list[str], folder: Path = ROOT) -> None:
    """Runs it in `folder`; what it prints goes to stderr. Raises UserError when it fails."""
    if subprocess.run(arguments, cwd=folder, stdout=sys.stderr).returncode:
        raise UserError(f"{' '.join(arguments)} failed, see above")


def per_item(costs: dict[int, dict[str, float]]) -> list[dict[str, float | None]]:
    """Costs by number of items, ascending, each with what a further item cost since the size before (first: None):
    processor_ms_per_item, kib_per_item."""
    rows: list[dict[str, float | None]] = []
    before: tuple[int, dict[str, float]] | None = None
    for number, cost in sorted(costs.items()):
        further: dict[str, float | None] = {"processor_ms_per_item": None, "kib_per_item": None}
        if before is not None:
            more = number - before[0]
            further["processor_ms_per_item"] = (cost["processor_seconds"] - before[1]["processor_seconds"]) * 1e3 / more
            further["kib_per_item"] = (cost["peak_mib"] - before[1]["peak_mib"]) * 1024 / more
        rows.append({"items": number, **cost, **further})
        before = number, cost
    return rows


def print_table(figures: dict[str, list[dict[str, float | None]]], console: Console) -> None:
    table = Table(title="time and memory over the number of videos or clips", title_justify="left")
    columns = ("items", "seconds", "processor, s", "ms per further item", "peak, MiB", "KiB per further item")
    for column in ("", *columns):
        table.add_column(column, justify="right" if column else "left")
    for what, rows in figures.items():
        for number, row in enumerate(rows):
            keys = ("seconds", "processor_seconds", "processor_ms_per_item", "peak_mib", "kib_per_item")
            cells = ["" if row[key] is None else f"{row[key]:,.3g}" if "per_item" in key else f"{row[key]:,.1f}"
                     for key in keys]
            table.add_row(what if number == 0 else "", f"{row['items']:,}", *cells, end_section=row is rows[-1])
    console.print(table)


def main(
    most_videos: Annotated[int, typer.Option(help="No source of more videos than that.")] = NUM_VIDEOS[-1],
    most_encoded: Annotated[
        int, typer.Option(help="Encode no more videos: a clip costs a tenth of a second however small it is.")
    ] = MOST_ENCODED,
    most_clips: Annotated[int, typer.Option(help="No latent store of more clips than that.")] = NUM_CLIPS[-1],
    folder: Annotated[Path, typer.Option(help="Sources, stores and figures.")] = Path(".benchmarks/scale"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Measures every size up to these, the smallest first."""
    with one_line_errors():
        folder.mkdir(parents=True, exist_ok=True)
        folder = folder.resolve()
        os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
        costs: dict[str, dict[int, dict[str, float]]] = {}
        with_videos = partial(of_videos, most_encoded=most_encoded)
        for of, numbers, most in ((with_videos, NUM_VIDEOS, most_videos), (of_clips, NUM_CLIPS, most_clips)):
            for number in (number for number in numbers if number <= most):
                for what, cost in of(folder, number).items():
                    costs.setdefault(what, {})[number] = cost
                figures = {what: per_item(found) for what, found in costs.items()}
                write_file(folder / "figures.json", (json.dumps(figures, indent=2) + "\n").encode())
        if not costs:
            raise UserError(f"--most-videos {most_videos} --most-clips {most_clips}: nothing is that small; the least "
                            f"are {NUM_VIDEOS[0]} videos and {NUM_CLIPS[0]} clips")
        if as_json:
            print(json.dumps(figures, indent=2))
        else:
            print_table(figures, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
