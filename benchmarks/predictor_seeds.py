"""Are forecasts right whatever the seed? Trains each kind of predictor with several seeds and prints mean and worst
beside the bars.

    python -m benchmarks.predictor_seeds

Takes frames, stage 1 and latents of the run in data/ (read only). Per kind and seed: train_predictor, generate and
evaluate as params.yaml says, without pictures. What lies in the folder already is not done again; remove the folder
after a change. The default setting takes about 2 minutes a seed on 2 cores. Memory is what training holds at most
beyond the same process before it reads anything.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.autoencoder_seeds import Bar, summarise
from benchmarks.stage_runs import ROOT, file_name, import_gib, run_stage, write_params
from pipeline.errors import one_line_errors

STAGES = ("train_predictor", "generate", "evaluate")
BARS = (
    Bar("psnr above copy_last, dB", ("above_copy_last",), 4, 4),
    Bar("psnr above copy_last, least step, dB", ("above_copy_last_by_step",), 0, 0),
    Bar("ssim above copy_last, least step", ("ssim_above_copy_last_by_step",), 0, 0),
    Bar("psnr above linear, least step, dB", ("above_linear_by_step",), 0, 0),
    Bar("psnr below reconstruction, step 1, dB", ("below_reconstruction_first",), 3, 3, False),
    Bar("psnr below reconstruction, last step, dB", ("below_reconstruction_last",), 7, 7, False),
    Bar("position error, step 1, px", ("position_error_first",), 1, 1, False),
    Bar("position error, last step, px", ("position_error_last",), 4, 4, False),
    Bar("train_predictor, min", ("train_predictor_minutes",), 2, 2, False),
    Bar("generate, min", ("generate_minutes",), 3, 3, False),
    Bar("evaluate, min", ("evaluate_minutes",), 3, 3, False),
    Bar("memory of train_predictor, MiB", ("memory_mib",), 200, 200, False),
    Bar("psnr, dB", ("psnr",)),
    Bar("coverage of 90 %", ("coverage",)),
)


def run_seed(kind: str, seed: int, spread: str, data: Path, folder: Path) -> dict[str, Any]:
    """Runs the three stages into `folder`, or reads what they left there, and returns the figures that the bars
    name."""
    if not (folder / "evaluation" / "metrics.json").exists():
        write_params(folder / "params.yaml", {
            "train_predictor": {"kind": kind, "training": {"seed": seed}},
            "generate": {"num_pictures": 0, "spread": spread}, "evaluate": {"num_sheets": 0},
        })
        shared = {option: data / file_name(option) for option in ("test_frames", "autoencoder", "latents")}
        wanted = {
            "train_predictor": ("latents",), "generate": ("test_frames", "autoencoder"), "evaluate": tuple(shared),
        }
        for stage in STAGES:
            run_stage(stage, folder / "params.yaml", folder, **{option: shared[option] for option in wanted[stage]})
    costs = {stage: json.loads((folder / "cost" / f"{stage}.json").read_text()) for stage in STAGES}
    return figures(json.loads((folder / "evaluation" / "metrics.json").read_text()), costs)


def figures(metrics: dict, costs: dict[str, dict]) -> dict[str, float | None]:
    """What the bars name, from metrics.json and the costs of the three stages; memory counts the whole process."""
    prediction, baselines = metrics["prediction"], metrics["baselines"]

    def least_margin(figure: str, baseline: str) -> float:
        return float(np.subtract(prediction[f"{figure}_by_step"], baselines[baseline][f"{figure}_by_step"]).min())

    error = prediction["position_error"]["median_by_step"]
    return {
        "psnr": prediction["psnr"],
        "coverage": prediction.get("calibration", {}).get("coverage_90"),
        "above_copy_last": prediction["psnr"] - baselines["copy_last"]["psnr"],
        "above_copy_last_by_step": least_margin("psnr", "copy_last"),
        "ssim_above_copy_last_by_step": least_margin("ssim", "copy_last"),
        "above_linear_by_step": least_margin("psnr", "linear_extrapolation"),
        "below_reconstruction_first": metrics["reconstruction"]["psnr"] - prediction["psnr_by_step"][0],
        "below_reconstruction_last": metrics["reconstruction"]["psnr"] - prediction["psnr_by_step"][-1],
        "position_error_first": error[0],
        "position_error_last": error[-1],
        "memory_mib": costs["train_predictor"]["peak_resident_gib"] * 1024,
        **{f"{stage}_minutes": costs[stage]["seconds"] / 60 for stage in STAGES},
    }


def print_table(kind: str, rows: list[dict], seeds: list[int], console: Console) -> None:
    table = Table(title=f"{kind}, seeds {', '.join(map(str, seeds))}", title_justify="left")
    for column in ("figure", "mean", "worst", "bar", "reached"):
        table.add_column(column, justify="left" if column == "figure" else "right", no_wrap=True)
    for row, bar in zip(rows, BARS, strict=True):
        values = ["-" if row[name] is None else f"{row[name]:.3g}" for name in ("mean", "worst")]
        reached = {True: "yes", False: "NO", None: ""}[row["reached"]]
        table.add_row(row["figure"], *values, bar.wanted(bar.worst), reached)
    console.print(table)


def main(
    kinds: Annotated[str, typer.Option(help="Kinds of predictor, with commas.")] = "mixture,deterministic",
    seeds: Annotated[str, typer.Option(help="Seeds of the training, with commas.")] = "0,1,2",
    spread: Annotated[str, typer.Option(help="How samples differ: generate.spread.")] = "branches",
    data: Annotated[Path, typer.Option(help="Folder of a finished run.")] = ROOT / "data",
    folder: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/predictor_seeds"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Trains predictors with several seeds; mean and worst figures beside the bars."""
    with one_line_errors():
        baseline = import_gib("stages.train_predictor") * 1024
        numbers, found = [int(seed) for seed in seeds.split(",")], {}
        for kind in kinds.split(","):
            of_seeds = [run_seed(kind, seed, spread, data, folder / spread / kind / str(seed)) for seed in numbers]
            for one in of_seeds:
                one["memory_mib"] -= baseline
            rows = summarise(of_seeds, BARS)
            found[kind] = rows
            if not as_json:
                print_table(kind, rows, numbers, Console())
        if as_json:
            print(json.dumps({"seeds": numbers, "figures": found}, indent=2))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
