"""Runs the pipeline's commands on files in a folder of a benchmark's own, with some parameters changed.

The folder holds what the commands write, named as below data/.
"""

import json
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.errors import UserError

ROOT = Path(__file__).parents[1]
OUTPUTS = {
    "preprocess": ("frames", "test_frames"), "train_autoencoder": ("autoencoder", "proposals"), "encode": ("latents",),
    "train_predictor": ("predictor",), "generate": ("predicted_latents", "predicted_frames"), "evaluate": ("output",),
}
INPUTS = {
    "preprocess": (), "train_autoencoder": ("frames",), "encode": ("frames", "test_frames", "autoencoder", "proposals"),
    "train_predictor": ("latents",), "generate": ("test_frames", "autoencoder", "predictor"),
    "evaluate": ("test_frames", "latents", "predicted_latents", "predicted_frames", "autoencoder", "predictor"),
}
FOLDERS = {"train_autoencoder": "curves", "train_predictor": "curves", "generate": "pictures"}
"""What a stage draws beside its outputs: the option that says where."""


def file_name(option: str) -> str:
    """The name below data/ of what an option of a command holds."""
    if option == "output":
        return "evaluation"
    return option + (".safetensors" if option in ("autoencoder", "proposals", "predictor") else ".zarr")


def write_params(path: Path, changes: dict, source: Path = ROOT / "params.yaml") -> None:
    """Writes a copy of `source` with values changed at any depth. Raises UserError where there is none to change."""
    yaml = YAML()
    document = yaml.load(source)
    _change(document, changes)
    path.parent.mkdir(parents=True, exist_ok=True)
    yaml.dump(document, path)


def run_stage(stage: str, params: Path, folder: Path, num_processes: int = 1, /, **elsewhere: Path) -> dict:
    """Runs a stage with the parameters `params`; inputs and outputs lie in `folder` where `elsewhere` does not say
    other places, by option. Several processes share the work (torchrun). Returns its cost, as pipeline/cost.py has it.
    Raises UserError when the command fails."""
    paths = {option: folder / file_name(option) for option in (*INPUTS[stage], *OUTPUTS[stage])}
    if stage.startswith("train_"):
        paths["weights"] = paths.pop(OUTPUTS[stage][0])
    if stage in FOLDERS:
        paths[FOLDERS[stage]] = folder / FOLDERS[stage] / stage
    cost = folder / "cost" / f"{stage}.json"
    options = {**paths, **elsewhere, "params": params, "cost": cost}
    command = (f"stages.{stage}", *(f"--{name.replace('_', '-')}={path}" for name, path in options.items()))
    if num_processes > 1:
        command = ("torch.distributed.run", "--standalone", f"--nproc-per-node={num_processes}", "-m", *command)
    run(*command)
    return json.loads(cost.read_text())


def run(module: str, *arguments: str) -> None:
    """`python -m module arguments`, from the repository's root; what it prints goes to stderr. Raises UserError when it
    fails."""
    command = [sys.executable, "-m", module, *arguments]
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr).returncode:
        raise UserError(f"{' '.join(command)} failed, see above")


def import_gib(module: str) -> float:
    """Resident memory of a process that has imported a module and done nothing yet, GiB."""
    code = f"import {module}; from pipeline.memory_meter import resident; print(resident() / 2**30)"
    return float(subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True).stdout)


def _change(document: dict, changes: dict) -> None:
    for key, value in changes.items():
        if key not in document:
            raise UserError(f"params.yaml: no key '{key}' to change")
        if isinstance(value, dict):
            _change(document[key], value)
        else:
            document[key] = value
