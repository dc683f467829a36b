"""The preset gpu_128 on one NVIDIA GPU: what its stages cost there, bf16 beside float32, two processes beside one.

    python -m benchmarks.gpu SOURCE

SOURCE is a video or a folder of videos, as preprocess.source; 500 to 800 frames make 25 to 40 clips. With these and the
numbers of steps below it is meant for less than eight minutes. All stages run once in bf16 and once in float32 on the
same frames, with fewer steps than the preset has: figures say what precision changes, not what training reaches. Then
both trainings make a few steps in float32 in one process and in two (NCCL on two GPUs; on one GPU they share it, joined
by gloo): the largest difference between their weights is rounding. What was measured by then is in figures.json after
each stage. Where there is no GPU it ends with a line; --device cpu tries it out.
"""

import json
import os
from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from rich.console import Console
from rich.table import Table
from ruamel.yaml import YAML
from safetensors.torch import load_file

from benchmarks.stage_runs import INPUTS, OUTPUTS, ROOT, file_name, run_stage, write_params
from pipeline.errors import UserError, one_line_errors
from pipeline.write_file import write_file

PRECISIONS = {"bf16": "bf16", "float32": "no"}
TRAININGS = ("train_autoencoder", "train_predictor")
STEPS_TOGETHER = 4
COST = {"seconds": "seconds", "peak_cuda_allocated_gib": "tensors, GiB", "peak_cuda_reserved_gib": "reserved, GiB",
        "peak_resident_gib": "resident, GiB"}
FIGURES = (("prediction", "psnr"), ("prediction", "ssim"), ("reconstruction", "psnr"), ("reconstruction", "ssim"))
"""Figures of metrics.json that are compared."""


def write_settings(path: Path, preset: Path, source: Path, precision: str, steps: dict[str, int]) -> None:
    """The shipped parameters with the preset's, that source, precision and numbers of steps by training stage."""
    write_params(path, YAML(typ="safe", pure=True).load(preset))
    training = {name: {"training": {"precision": precision, "num_steps": number, "validate_every": number}}
                for name, number in steps.items()}
    write_params(path, {"preprocess": {"source": str(source.resolve())}, **training}, path)


def run_stages(params: Path, folder: Path, frames: Path, found: dict) -> None:
    """Runs what follows preprocess, whose outputs lie in `frames`; costs and figures go to `found` as they come."""
    for stage in list(OUTPUTS)[1:]:
        stores = {option: frames / file_name(option) for option in OUTPUTS["preprocess"] if option in INPUTS[stage]}
        found[stage] = run_stage(stage, params, folder, **stores)
        if stage == "evaluate":
            metrics = json.loads((folder / file_name("output") / "metrics.json").read_text(encoding="utf-8"))
            found["figures"] = {" ".join(path): metrics[path[0]].get(path[1]) for path in FIGURES}
        note(found, folder / "figures.json")


def apart(stage: str, params: Path, folder: Path, **inputs: Path) -> float:
    """The largest difference between weights that one process and two have trained."""
    weights = [folder / f"{stage}_{number}.safetensors" for number in (1, 2)]
    for number, path in enumerate(weights, start=1):
        run_stage(stage, params, folder, number, weights=path, **inputs)
    one, two = map(load_file, weights)
    return max((one[name].float() - two[name].float()).abs().max().item() for name in one if one[name].numel())


def rates(cost: dict) -> dict[str, float]:
    """What a stage got done per second, by unit."""
    return {name.removesuffix("_per_second"): value for name, value in cost.items() if name.endswith("_per_second")}


def note(found: dict, path: Path) -> None:
    write_file(path, (json.dumps(found, indent=2) + "\n").encode())


def print_tables(found: dict, console: Console) -> None:
    table = Table(title=found["device"], title_justify="left")
    for column in ("precision", "stage", *COST.values(), "rate"):
        table.add_column(column, justify="left" if column in ("precision", "stage") else "right")
    for precision in ("", *PRECISIONS):
        stages = {"preprocess": found["preprocess"]} if precision == "" else found[precision]
        for stage, cost in stages.items():
            if stage != "figures":
                rate = ", ".join(f"{value:,.1f} {unit}/s" for unit, value in rates(cost).items())
                table.add_row(precision, stage, *(f"{cost[key]:.2f}" for key in COST), rate)
    console.print(table)
    table = Table("figure", *PRECISIONS, title="what precision changes", title_justify="left")
    for name in found["bf16"]["figures"]:
        values = (found[precision]["figures"][name] for precision in PRECISIONS)
        table.add_row(name, *("-" if value is None else f"{value:.3f}" for value in values))
    console.print(table)
    for stage, difference in found["one and two processes"].items():
        console.print(f"{stage}, {STEPS_TOGETHER} steps: weights of one and two processes differ by {difference:.2g}")


def main(
    source: Annotated[Path, typer.Argument(help="Video or folder of videos.")],
    preset: Annotated[Path, typer.Option(help="Parameters that differ from the shipped ones.")] = (
        ROOT / "presets/gpu_128.yaml"),
    autoencoder_steps: Annotated[int, typer.Option(help="Steps of train_autoencoder.")] = 200,
    predictor_steps: Annotated[int, typer.Option(help="Steps of train_predictor.")] = 500,
    device: Annotated[Literal["cuda", "cpu"], typer.Option(help="cpu: to try it out.")] = "cuda",
    folder: Annotated[Path, typer.Option(help="Folder for all that is made.")] = Path(".benchmarks/gpu"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Runs and measures all of it."""
    with one_line_errors():
        if device == "cpu":
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        elif not torch.cuda.is_available():
            raise UserError("benchmarks.gpu: wanted an NVIDIA GPU, found none; --device cpu tries it out on the CPU")
        folder = folder.resolve()
        os.environ["LAYERCAST_RESUME_DIR"] = str(folder / "resume")
        steps = dict(zip(TRAININGS, (autoencoder_steps, predictor_steps), strict=True))
        found: dict = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU"}
        frames = folder / "frames"
        for precision, setting in PRECISIONS.items():
            params = folder / precision / "params.yaml"
            write_settings(params, preset, source, setting, steps)
            if "preprocess" not in found:
                found["preprocess"] = run_stage("preprocess", params, frames)
            found[precision] = {}
            run_stages(params, folder / precision, frames, found[precision])
        params = folder / "together" / "params.yaml"
        write_settings(params, preset, source, PRECISIONS["float32"], dict.fromkeys(TRAININGS, STEPS_TOGETHER))
        inputs = {"train_autoencoder": {"frames": frames / file_name("frames")},
                  "train_predictor": {"latents": folder / "float32" / file_name("latents")}}
        found["one and two processes"] = {
            stage: apart(stage, params, folder / "together", **inputs[stage]) for stage in TRAININGS
        }
        note(found, folder / "figures.json")
        if as_json:
            print(json.dumps(found, indent=2))
        else:
            print_tables(found, Console())


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
