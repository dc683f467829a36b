"""Moving MNIST, small: two digits, 64x64, 10 frames given, 10 forecast, squared error per frame beside a published one.

    python -m benchmarks.moving_digits path/to/t10k-images-idx3-ubyte.gz

The last fifth of the pictures moves in the test videos alone, the others in the training videos; how they move is the
recipe of frames/digit_source.py. mse: sum of squared errors over a frame's pixels in [0, 1], mean over frames, as
papers on Moving MNIST count it. Published, on 10,000 test videos of other digits, so a mark rather than a comparison:
29.8, ConvLSTM after 200 epochs on GPUs (OpenSTL, arXiv 2306.11249). What lies in the folder already is not made again.
"""

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.stage_runs import OUTPUTS, file_name, run_stage, write_params
from pipeline.errors import one_line_errors
from pipeline.frames.digit_source import MAGIC, read_pictures

MSE_BAR, MINUTES_BAR, CONVLSTM = 50.0, 15.0, 29.8
NUM_TRAINING_FILES, TEST_SHARE = 16, 0.2
"""Every file gives as many videos: sixteen times as many to learn from as to be judged by."""


def cut_digits(source: Path, folder: Path) -> None:
    """Writes the pictures of an idx file into files named by the split that they are for. Raises UserError when it is
    none."""
    with TemporaryDirectory() as scratch:
        pictures = np.array(read_pictures(source, Path(scratch) / "pictures.idx"))
    folder.mkdir(parents=True, exist_ok=True)
    num_training = len(pictures) - round(TEST_SHARE * len(pictures))
    parts = {f"train-{i}": part for i, part in enumerate(np.array_split(pictures[:num_training], NUM_TRAINING_FILES))}
    for name, part in {**parts, "test": pictures[num_training:]}.items():
        header = MAGIC + np.array(part.shape, ">u4").tobytes()
        (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(header + part.tobytes(), mtime=0))


def run(source: Path, folder: Path, kind: str, num_videos: int) -> dict[str, float]:
    """Runs the stages and returns the figures."""
    if not (folder / "digits").exists():
        cut_digits(source, folder / "digits")
    params = folder / "params.yaml"
    write_params(params, {
        "preprocess": {
            "source": str((folder / "digits").resolve()), "color": "gray", "split": "published",
            "digits": {"num_videos": num_videos},
        },
        "train_autoencoder": {"architecture": {"num_slots": 2, "object_px": 20, "patch_dim": 28}},
        # Looks say how far a digit reaches to either side, and with that where it turns back; walls hold it for a
        # moment, which it would not do backwards. Weights decay, since a few thousand digits are soon known by heart.
        "train_predictor": {"kind": kind, "augmentation": "none", "training": {"weight_decay": 0.3}},
        "generate": {"num_samples": 1, "num_pictures": 4},
    })
    for stage, outputs in OUTPUTS.items():
        if not all((folder / file_name(output)).exists() for output in outputs):
            run_stage(stage, params, folder)
    metrics = json.loads((folder / "evaluation" / "metrics.json").read_text())
    stages = ("train_autoencoder", "train_predictor")
    costs = [json.loads((folder / "cost" / f"{stage}.json").read_text()) for stage in stages]
    return {
        "prediction": metrics["prediction"]["mse"], "step 1": metrics["prediction"]["mse_by_step"][0],
        "step 10": metrics["prediction"]["mse_by_step"][-1], "reconstruction": metrics["reconstruction"]["mse"],
        "copy_last": metrics["baselines"]["copy_last"]["mse"],
        "linear_extrapolation": metrics["baselines"]["linear_extrapolation"]["mse"],
        "training_minutes": sum(cost["seconds"] for cost in costs) / 60,
    }


def print_table(figures: dict[str, float], console: Console) -> None:
    table = Table(title="two moving digits, squared error per frame", title_justify="left")
    for column in ("", "mse", "wanted"):
        table.add_column(column, justify="right" if column else "left")
    for name in ("prediction", "step 1", "step 10", "linear_extrapolation", "copy_last", "reconstruction"):
        table.add_row(name.replace("_", " "), f"{figures[name]:.1f}", f"<= {MSE_BAR:g}" if name == "prediction" else "")
    table.add_row("ConvLSTM, published", f"{CONVLSTM:g}", "")
    table.add_row("minutes of training", f"{figures['training_minutes']:.1f}", f"<= {MINUTES_BAR:g}")
    console.print(table)


def main(
    source: Annotated[Path, typer.Argument(help="MNIST's pictures: an idx3-ubyte file, packed or not.")],
    folder: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/moving_digits"),
    kind: Annotated[str, typer.Option(help="Kind of predictor.")] = "deterministic",
    num_videos: Annotated[int, typer.Option(help="Test videos; sixteen times as many train.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Trains and judges on moving digits."""
    with one_line_errors():
        figures = run(source, folder, kind, num_videos)
        print(json.dumps(figures, indent=2)) if as_json else print_table(figures, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
