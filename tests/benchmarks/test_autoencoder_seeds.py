"""Several seeds of stage 1: what is judged, what is done again, and when a bar is reached."""

import json
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from benchmarks import autoencoder_seeds
from benchmarks.autoencoder_seeds import BARS, app, summarise
from pipeline.frames.frame_store_writer import FrameStoreWriter
from tests.stages.conftest import moving_squares, write_test_frames


def write_frames(path: Path, random: np.random.Generator) -> None:
    sequences = [moving_squares(random) for _ in range(2)]
    writer = FrameStoreWriter(
        path, len(sequences), sequences[0][0].shape, fps=8, crop="none", source="s" * 64, num_objects=2
    )
    for i, (frames, truth) in enumerate(sequences):
        writer.append(frames, truth, video_id=f"clip_{i}", first_frame=0, split="val" if i == 1 else "train")
    writer.finish()


def write_params(path: Path) -> None:
    document = YAML().load(Path("params.yaml").read_text())
    train = document["train_autoencoder"]
    train["architecture"] |= {"object_px": 8, "patch_dim": 8, "background_channels": 4, "appearance_dim": 6}
    train["training"] |= {"num_steps": 1, "validate_every": 1}
    train |= {"batch_size": 1, "frames_per_clip": 2}
    train["architecture"]["num_slots"] = 2
    with path.open("w") as file:
        YAML().dump({name: document[name] for name in ("train_autoencoder", "evaluate")}, file)


def test_each_seed_is_trained_judged_and_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    random = np.random.default_rng(0)
    write_frames(tmp_path / "frames.zarr", random)
    frames, truth = zip(*(moving_squares(random) for _ in range(2)), strict=True)
    write_test_frames(tmp_path / "test_frames.zarr", np.stack(frames), list(truth))
    write_params(tmp_path / "params.yaml")
    command = [
        "--seeds", "3", "--params", str(tmp_path / "params.yaml"), "--frames", str(tmp_path / "frames.zarr"),
        "--test-frames", str(tmp_path / "test_frames.zarr"), "--folder", str(tmp_path / "seeds"), "--json",
    ]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["seeds"] == [3] and [row["figure"] for row in summary["figures"]] == [bar.name for bar in BARS]
    psnr = summary["figures"][0]
    assert 10 < psnr["mean"] == psnr["worst"] < 60
    def trained(*_):
        raise ZeroDivisionError("trained again")

    monkeypatch.setattr(autoencoder_seeds, "train_autoencoder", trained)
    assert CliRunner().invoke(app, command).stdout == result.stdout
    kept = tmp_path / "seeds" / "seed_3" / "metrics.json"
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "fingerprint": "of other frames"}))
    assert isinstance(CliRunner().invoke(app, command).exception, ZeroDivisionError)


def metrics(psnr: float, error: float, shape: float | None) -> dict:
    return {
        "reconstruction": {"psnr": psnr},
        "decomposition": {"fg_miou": 0.9, "fg_ari": 0.9, "identity_consistency": 0.99},
        "disentanglement": {
            "position_r2_time_varying": 0.99, "position_r2_time_independent": 0.0, "intervention_error_px": error,
            "probes": {"time_independent": {"shape": shape}},
        },
        "training_minutes": 3.0,
    }


def test_a_bar_is_reached_by_the_mean_and_by_the_worst_seed():
    rows = {row["figure"]: row for row in summarise([metrics(33, 0.1, 0.8), metrics(29.5, 1.1, None)])}
    psnr, error = rows["reconstruction psnr, dB"], rows["intervention_error_px"]
    assert (psnr["mean"], psnr["worst"], psnr["reached"]) == (31.25, 29.5, True)
    assert (error["mean"], error["worst"], error["reached"]) == (pytest.approx(0.6), 1.1, False)
    assert rows["shape, time-independent"]["reached"] is None and rows["shape, time-independent"]["mean"] is None
