import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import LatentWriter
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.predictor import load_predictor
from stages.train_predictor import app

ROOT = Path(__file__).resolve().parents[2]
SPEC = LatentSpec(num_slots=2, background_dim=3, appearance_dim=4, height=16, width=16)
SETTINGS = {
    "kind": "mixture",
    "mixture": {"hidden_dim": 16, "num_layers": 1, "num_heads": 2, "num_modes": 2},
    "deterministic": {"hidden_dim": 8, "num_layers": 1, "num_heads": 1},
    "training": {
        "num_steps": 12, "learning_rate": 0.003, "weight_decay": 0.01, "warmup_fraction": 0.1, "max_grad_norm": 1.0,
        "validate_every": 5, "precision": "no", "seed": 0,
    },
    "context_frames": 4, "horizon": 3, "batch_size": 8, "short_context_share": 0.5, "augmentation": "motion",
}


def write_latents(path: Path, num_rows=30, num_frames=8, split=("train", "train", "val"), without=()) -> str:
    """Objects that go straight on at the speed their appearance tells, with a little noise; none in the splits
    `without`."""
    generator = torch.Generator().manual_seed(0)
    codes = {n: torch.rand(num_rows, *SPEC.shape(n, num_frames), generator=generator) for n in CODES}
    latents = Latents(**codes).replace(presence=torch.ones(num_rows, 2))
    latents.pose[..., :2] += torch.arange(num_frames)[None, :, None, None] * latents.appearance[:, None, :, :2]
    for i in range(num_rows):
        if split[i % len(split)] in without:
            latents.presence[i] = 0
    writer = LatentWriter(
        path, SPEC, np.array([f"v{i}" for i in range(num_rows)]), np.zeros(num_rows, int),
        np.array([split[i % len(split)] for i in range(num_rows)]), num_frames=num_frames, fps=10.0,
        made_from={"autoencoder": "a", "frames": "f", "test_frames": "t"}, crop="none",
    )
    writer.write(0, latents)
    return writer.finish()


def write_params(path: Path, **changes) -> None:
    YAML().dump({"train_predictor": {**SETTINGS, **changes}}, path)


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    write_latents(tmp_path / "data/latents.zarr")
    write_params(tmp_path / "params.yaml")
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def outputs(folder: Path) -> dict[str, bytes]:
    found = files(folder / "data")
    return {name: content for name, content in found.items() if not name.startswith(("latents", "cost"))}


def run(*arguments: str):
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("kind", ["mixture", "deterministic"])
def test_weights_carry_what_generation_needs(folder, kind):
    write_params(folder / "params.yaml", kind=kind)
    assert run().exit_code == 0
    predictor, weights = load_predictor(folder / "data/predictor.safetensors")
    assert predictor.config.architecture.kind == kind and predictor.spec == SPEC
    assert (weights.config["context_frames"], weights.config["horizon"]) == (4, 3)
    assert (predictor.config.prepared.crop, predictor.config.prepared.fps) == ("none", 10)
    assert weights.made_from["autoencoder"] == "a" and len(weights.made_from["latents"]) == 64
    curves = files(folder / "data/curves/train_predictor")
    plots = "plots/metrics"
    assert {"metrics.json", f"{plots}/train/loss.tsv", f"{plots}/validation/position_error_last.tsv"} <= set(curves)
    assert not any((folder / "resume").rglob("*.pt"))


def test_a_single_frame_can_be_forecast(folder):
    """As preset kitticaltech asks."""
    write_params(folder / "params.yaml", kind="deterministic", horizon=1)
    assert run().exit_code == 0
    assert load_predictor(folder / "data/predictor.safetensors")[1].config["horizon"] == 1


@pytest.mark.parametrize("augmentation", ["motion", "reverse", "none"])
def test_the_weights_know_how_their_clips_were_seen_otherwise(folder, augmentation):
    write_params(folder / "params.yaml", augmentation=augmentation, training={**SETTINGS["training"], "num_steps": 2})
    assert run().exit_code == 0
    predictor, _ = load_predictor(folder / "data/predictor.safetensors")
    assert predictor.config.augmentation == augmentation
    assert ("walls.turning_point.weight" in predictor.state_dict()) == (augmentation != "motion")


def test_a_second_run_gives_the_same_bytes(folder, monkeypatch):
    """Also when the latents are too much for the memory, and whatever the number of threads."""
    assert run().exit_code == 0
    before = outputs(folder)
    torch.set_num_threads(2)
    with monkeypatch.context() as small:
        small.setattr("pipeline.spill.SHARE_OF_MEMORY", 0.0)
        done = run()
    assert done.exit_code == 0 and "are mapped from" in done.stderr
    assert outputs(folder) == before and not list((folder / "resume").rglob("*.bin"))
    write_params(folder / "params.yaml", training={**SETTINGS["training"], "seed": 1})
    assert run().exit_code == 0
    assert outputs(folder)["predictor.safetensors"] != before["predictor.safetensors"]


def test_training_lowers_the_validation_loss(folder):
    training = {**SETTINGS["training"], "num_steps": 150, "validate_every": 30}
    write_params(folder / "params.yaml", training=training)
    assert run().exit_code == 0
    lines = (folder / "data/curves/train_predictor/plots/metrics/validation/loss.tsv").read_text().splitlines()[1:]
    losses = [float(line.split("\t")[1]) for line in lines]
    assert min(losses[1:]) < losses[0] - 0.1


def test_two_processes_train_as_one(folder):
    write_params(folder / "params.yaml", training={**SETTINGS["training"], "num_steps": 4})
    assert run().exit_code == 0
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = ["-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone", "-m", "stages.train_predictor"]
    subprocess.run(
        [sys.executable, *command, "--weights", "two.safetensors", "--curves", "two"], env=environment, check=True,
        timeout=120,
    )
    one, _ = load_predictor(folder / "data/predictor.safetensors")
    two, _ = load_predictor(folder / "two.safetensors")
    for name, tensor in one.state_dict().items():
        torch.testing.assert_close(two.state_dict()[name], tensor, rtol=1e-3, atol=1e-4, msg=name)


@pytest.mark.parametrize("mistake, said", [
    ({"horizon": 5}, "sequences have 8 frames"),
    ({"horizont": 5}, "train_predictor.horizont is not a parameter"),
    ({"kind": "oracle"}, "train_predictor.kind"),
    ({"batch_size": 0}, "train_predictor.batch_size"),
    ({"mixture": {**SETTINGS["mixture"], "num_heads": 3}}, "num_heads"),
    ({"training": {**SETTINGS["training"], "learning_rate": -1}}, "train_predictor.training.learning_rate"),
])
def test_a_mistake_is_one_line_and_leaves_earlier_outputs(folder, mistake, said):
    (folder / "data/predictor.safetensors").write_bytes(b"earlier")
    before = files(folder / "data")
    write_params(folder / "params.yaml", **mistake)
    done = run()
    assert done.exit_code == 2 and said in done.stderr and done.stderr.count("\n") == 1
    assert files(folder / "data") == before


def test_a_store_without_validation_sequences_is_refused(folder):
    write_latents(folder / "data/latents.zarr", split=("train",))
    done = run()
    assert done.exit_code == 2 and "no sequence of split 'val'" in done.stderr


@pytest.mark.parametrize("without, named", [
    ((), ()), (("val",), ("no validation clip", "preprocess.val_fraction")), (("train",), ("no training clip",)),
    (("train", "val"), ("no clip holds", "object_px")),
])
def test_what_was_not_measured_is_null_and_a_warning_says_so(folder, without, named):
    """Zeros would look as if every object were forecast without an error."""
    write_latents(folder / "data/latents.zarr", without=without)
    done = run()
    assert done.exit_code == 0, done.output
    curves = folder / "data/curves/train_predictor"
    summary = json.loads((curves / "metrics.json").read_text())
    names = {"objects", "position_error_first", "position_error_last"}
    known = {split: {name for name in names & set(summary[key]) if summary[key][name] is not None}
             for split, key in (("train", "train"), ("val", "validation"))}
    assert known["val"] == (set() if "val" in without else names)
    assert known["train"] == (set() if "train" in without else {"objects"})
    assert ("objects" in summary["validation"]) and summary["validation"]["camera"] is not None
    assert (curves / "plots/metrics/validation/objects.tsv").exists() == ("val" not in without)
    said = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(said) == bool(named) and all(text in said[0] for text in named), done.stderr


def test_a_training_that_learned_its_clips_by_heart_is_named(folder, monkeypatch):
    monkeypatch.setattr("pipeline.predictor.worries.OVERFITTED", -100.0)
    done = run()
    said = next(line for line in done.stderr.splitlines() if line.startswith("warning: "))
    assert "kept are the weights of step 12" in said and "train_predictor.training.num_steps" in said
    assert "best validation" in done.stderr
