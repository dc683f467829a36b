"""Figures of the tiny artefacts: their names, their joins, and what is refused."""

import csv
import json

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from pipeline.autoencoder.autoencoder import load_autoencoder, save_autoencoder
from pipeline.checkpoint import load
from pipeline.evaluation.evaluate_params import EvaluateParams
from pipeline.evaluation.metrics_file import made_from, read_metrics
from pipeline.evaluation.report import print_report
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import PredictionWriter, open_predicted_frames
from pipeline.latents.latent_store import PredictedLatentsWriter, open_latents, open_predicted_latents
from pipeline.metrics.network_file import NetworkFile
from stages.evaluate import app, evaluate
from stages.generate import app as generate_app
from tests.metrics.test_fvd import Means
from tests.metrics.test_fvd import write as write_fvd
from tests.metrics.test_lpips import random_weights
from tests.metrics.test_lpips import write as write_lpips
from tests.stages.conftest import (
    CONTEXT_FRAMES,
    HORIZON,
    NUM_CLIPS,
    NUM_SEQUENCES,
    options,
    write_latents,
    write_test_frames,
)

PARAMS = EvaluateParams(batch_size=2, num_sheets=1)
FORECAST_NAMES = {"psnr", "ssim", "mse", "psnr_by_step"}


def test_metrics_have_the_names_agreed_upon(evaluated):
    metrics = json.loads((evaluated[0] / "metrics.json").read_text())
    assert {"context_frames", "horizon", "num_samples", "num_clips", "resolution", "data"} <= set(metrics["protocol"])
    assert metrics["protocol"]["spread"] == "branches" and "spread: branches" in " ".join(evaluated[1].split())
    assert {"psnr", "ssim", "median_background_psnr"} <= set(metrics["reconstruction"])
    assert FORECAST_NAMES | {"best_of_samples"} <= set(metrics["prediction"])
    assert {"psnr", "ssim", "psnr_gap", "psnr_interval"} <= set(metrics["prediction"]["best_of_samples"])
    low, high = metrics["prediction"]["psnr_interval"]
    assert low < metrics["prediction"]["psnr"] < high
    assert {"calibration", "diversity", "nearest_sample_error"} <= set(metrics["prediction"])
    assert len(metrics["prediction"]["calibration"]["coverage_90_by_step"]) == HORIZON
    assert len(metrics["prediction"]["diversity"]["psnr_by_step"]) == HORIZON
    occupancy = metrics["prediction"]["occupancy"]
    assert occupancy["made_from"] == ["true segmentation"] and len(occupancy["calibration_error_by_step"]) == HORIZON
    assert len(occupancy["forecast_by_bin"]) == len(occupancy["shares"]["came_true_by_bin"]) == 10
    assert set(metrics["baselines"]) == {"copy_last", "flow", "linear_extrapolation"}
    for baseline in metrics["baselines"].values():
        assert FORECAST_NAMES <= set(baseline) and len(baseline["psnr_by_step"]) == HORIZON
    assert set(metrics["compression"]) == {"floats_per_frame", "ratio"}
    assert set(metrics["decomposition"]) == {
        "fg_ari", "fg_miou", "identity_consistency", "presence_precision", "presence_recall", "num_objects_accuracy",
        "background_psnr_behind_objects",
    }
    assert set(metrics["disentanglement"]) == {
        "position_r2_time_varying", "position_r2_time_independent", "intervention_error_px",
        "appearance_variance_ratio", "swap_background_psnr", "swap_appearance_psnr", "probes",
    }
    for scores in metrics["disentanglement"]["probes"].values():
        assert set(scores) == {"position", "velocity", "shape", "color"}
    assert {sheet.name for sheet in (evaluated[0] / "sheets").iterdir()} == {
        f"{what}_worst.png" for what in ("forecast", "layers", "tracks", "swap")
    }
    picture = metrics["prediction"]["mean_picture"]
    assert picture["psnr"] >= metrics["prediction"]["psnr"] and len(picture["psnr_by_step"]) == HORIZON
    assert "mean as one picture" in evaluated[1]


def test_every_clip_has_its_figures_and_their_means_are_those_of_all(evaluated, inputs):
    """The worst clip first, beside baselines, what is in it and how much of it moves."""
    metrics = json.loads((evaluated[0] / "metrics.json").read_text())
    with (evaluated[0] / "per_clip.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    psnrs = [float(row["psnr"]) for row in rows]
    assert len(rows) == NUM_CLIPS and psnrs == sorted(psnrs)
    predicted = open_predicted_frames(inputs["predicted_frames"])
    names = set(zip(predicted.video_id.tolist(), map(str, predicted.first_frame), strict=True))
    assert {(row["video_id"], row["first_frame"]) for row in rows} == names
    for name, section in {"": metrics["prediction"], **metrics["baselines"]}.items():
        for figure in ("psnr", "psnr_moving"):
            mean = np.mean([float(row[f"{name}_{figure}".lstrip("_")]) for row in rows])
            assert mean == pytest.approx(section[figure], abs=1e-3)
    assert all(0 < float(row["motion"]) < 1 and 0 <= int(row["objects"]) <= 3 for row in rows)  # slots
    assert "moving" in evaluated[1]


def test_what_should_worry_is_printed_and_kept(inputs, artefacts, tmp_path):
    result = CliRunner().invoke(app, options({
        **inputs, "output": tmp_path / "out", "params": artefacts.params, "cost": tmp_path / "cost.json",
    }))
    kept = json.loads((tmp_path / "out" / "metrics.json").read_text())["warnings"]
    assert any("worse than each clip's median image" in text and "detail_dim" in text for text in kept)
    said = [line.removeprefix("warning: ") for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert said == kept


def test_metrics_say_what_they_were_made_from(evaluated, inputs):
    identities = made_from(read_metrics(evaluated[0] / "metrics.json"))
    assert set(identities) == set(inputs)
    assert identities["predicted_frames"] == open_predicted_frames(inputs["predicted_frames"]).identity
    assert identities["autoencoder"] == load(inputs["autoencoder"], "autoencoder").identity


def test_figures_are_those_of_the_frames_joined_by_name(evaluated, inputs):
    metrics = json.loads((evaluated[0] / "metrics.json").read_text())
    store, predicted = open_frames(inputs["test_frames"]), open_predicted_frames(inputs["predicted_frames"])
    true_frames = store.read(slice(None)).astype(float) / 255
    given = CONTEXT_FRAMES

    def psnr(frames: np.ndarray, target: np.ndarray) -> float:
        return min(100.0, -10 * np.log10(max(np.square(frames - target).mean(), 1e-20)))

    prediction, copy_last = [], []
    for i, samples in enumerate(predicted.read(0, NUM_CLIPS).astype(float) / 255):
        row = int(predicted.video_id[i].removeprefix("video_"))
        clip = true_frames[row, predicted.first_frame[i] - 5:]
        for step in range(HORIZON):
            prediction += [psnr(sample[step], clip[given + step]) for sample in samples]
            copy_last.append(psnr(clip[given - 1], clip[given + step]))
    assert metrics["prediction"]["psnr"] == pytest.approx(np.mean(prediction), abs=1e-3)
    assert metrics["baselines"]["copy_last"]["psnr"] == pytest.approx(np.mean(copy_last), abs=1e-3)
    assert metrics["prediction"]["best_of_samples"]["psnr"] >= metrics["prediction"]["psnr"]

    model, _ = load_autoencoder(inputs["autoencoder"])
    encoded = open_latents(inputs["latents"])
    with torch.inference_mode():
        decoded = model.decode(encoded.read(slice(None))).frames.movedim(2, 4).numpy()
    of_row = {video: frames for video, frames in zip(encoded.video_id, decoded, strict=True)}
    reconstruction = [psnr(of_row[f"video_{row}"][t], frame) for row in range(NUM_SEQUENCES)
                      for t, frame in enumerate(true_frames[row])]
    median = [psnr(np.median(sequence, axis=0), frame) for sequence in true_frames for frame in sequence]
    assert metrics["reconstruction"]["psnr"] == pytest.approx(np.mean(reconstruction), abs=0.02)  # frames of 8 bits
    assert metrics["reconstruction"]["median_background_psnr"] == pytest.approx(np.mean(median), abs=1e-3)


@pytest.fixture(scope="module")
def carried(inputs, artefacts, tmp_path_factory) -> dict:
    """The inputs with a forecast that is drawn with the pictures of the context."""
    folder = tmp_path_factory.mktemp("carried")
    params = folder / "params.yaml"
    params.write_text(artefacts.params.read_text().replace("carry_pictures: false", "carry_pictures: true"))
    made = {**inputs, "predicted_latents": folder / "latents.zarr", "predicted_frames": folder / "frames.zarr"}
    paths = {**{name: path for name, path in made.items() if name != "latents"}, "predictor": artefacts.predictor,
             "pictures": folder / "pictures", "params": params, "cost": folder / "cost.json"}
    assert CliRunner().invoke(generate_app, options(paths)).exit_code == 0
    return made


def test_a_forecast_with_carried_pictures_is_judged_without_them_too(evaluated, carried, tmp_path):
    metrics = evaluate(PARAMS, *carried.values(), tmp_path / "evaluation")
    plain = json.loads((evaluated[0] / "metrics.json").read_text())
    assert "without_carried_pictures" not in plain["prediction"]
    without = metrics["prediction"]["without_carried_pictures"]["psnr"]
    assert without == pytest.approx(plain["prediction"]["psnr"], abs=1e-4)
    for figures in (metrics["prediction"], metrics["baselines"]["linear_extrapolation"]):
        assert figures["psnr"] > without + 3


def test_no_context_is_taken_apart_again(carried, tmp_path, monkeypatch):
    """Only halves of sequences are, to see what they change: left out here."""
    def propose(*_):
        raise AssertionError("frames are taken apart")

    monkeypatch.setattr("pipeline.evaluation.judging.NUM_REENCODED", 0)
    monkeypatch.setattr("pipeline.autoencoder.autoencoder.propose", propose)
    metrics = evaluate(PARAMS, *carried.values(), tmp_path / "evaluation")
    assert metrics["disentanglement"]["appearance_variance_ratio"] is None
    assert metrics["baselines"]["linear_extrapolation"]["position_error"]


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> dict[str, NetworkFile]:
    folder = tmp_path_factory.mktemp("networks")
    return {"lpips": write_lpips(folder / "alex.safetensors", random_weights("alex")),
            "fvd": write_fvd(folder / "means.pt", Means())}


def test_networks_of_the_user_are_asked_and_named(inputs, networks, tmp_path, capsys):
    metrics = evaluate(PARAMS.model_copy(update=networks), *inputs.values(), tmp_path / "evaluation")
    for name, file in networks.items():
        assert file.sha256 in metrics["protocol"][name]
    forecasts = {"prediction": metrics["prediction"], **metrics["baselines"]}
    for figures in forecasts.values():
        assert figures["lpips"] > 0 and len(figures["lpips_by_step"]) == HORIZON and figures["fvd"] > 0
    best = metrics["prediction"]["best_of_samples"]
    assert best["lpips"] + best["lpips_gap"] == pytest.approx(metrics["prediction"]["lpips"])
    assert (tmp_path / "evaluation" / "curves" / "lpips.csv").exists()
    print_report(metrics, Console(width=80))
    printed = capsys.readouterr().out
    assert "fvd of whole clips" in printed and f"sha256 {networks['fvd'].sha256[:20]}" in " ".join(printed.split())


def test_another_network_than_the_one_meant_is_refused(inputs, networks, tmp_path):
    params = tmp_path / "params.yaml"
    for name, file in networks.items():
        text = f"evaluate: {{batch_size: 2, num_sheets: 1, {name}: {{path: {file.path}, sha256: {'a' * 64}}}}}"
        params.write_text(text)
        result = CliRunner().invoke(app, options({**inputs, "output": tmp_path / "out", "params": params}))
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert f"evaluate.{name}: {file.path} has sha256 {file.sha256[:12]}" in result.stderr
        assert not (tmp_path / "out").exists()


def test_a_rerun_gives_the_same_bytes(evaluated, inputs, tmp_path):
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / ".gitignore").write_text("/curves\n")
    evaluate(PARAMS, *inputs.values(), tmp_path / "again")
    assert (tmp_path / "again" / ".gitignore").exists()
    files = sorted(file.relative_to(evaluated[0]) for file in evaluated[0].rglob("*") if file.is_file())
    assert {file.suffix for file in files} == {".json", ".csv", ".png"}
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (evaluated[0] / file).read_bytes(), file


def test_figures_do_not_depend_on_how_much_is_looked_at_at_once(evaluated, inputs, tmp_path, monkeypatch):
    """One clip after the other, one frame after the other."""
    monkeypatch.setattr("pipeline.evaluation.drawn.VIDEO_VALUES_AT_ONCE", 1)
    monkeypatch.setattr("pipeline.latents.parts.PIXELS_AT_ONCE", 1)
    monkeypatch.setattr("pipeline.metrics.frame_quality._VALUES_AT_ONCE", 1)
    evaluate(PARAMS.model_copy(update={"batch_size": 100}), *inputs.values(), tmp_path / "parts")
    parts, whole = (dict(read_metrics(folder / "metrics.json")) for folder in (tmp_path / "parts", evaluated[0]))
    assert json.dumps(parts) == json.dumps(whole)


def test_the_order_of_predicted_clips_does_not_matter(evaluated, inputs, tmp_path):
    latents = open_predicted_latents(inputs["predicted_latents"])
    facts = {"num_samples": 2, "context_frames": CONTEXT_FRAMES, "horizon": HORIZON, "fps": 8}
    writer = PredictedLatentsWriter(
        tmp_path / "latents.zarr", latents.spec, latents.video_id[::-1], latents.first_frame[::-1],
        made_from=latents.made_from, **facts,
    )
    for i in reversed(range(NUM_CLIPS)):
        writer.write(latents.read(slice(i, i + 1)))
    writer.finish()
    metrics = evaluate(PARAMS, **{**inputs, "predicted_latents": tmp_path / "latents.zarr"}, output=tmp_path / "out")
    assert metrics["prediction"]["psnr"] == pytest.approx(frames_psnr(evaluated), abs=1e-5)
    written = [read_metrics(folder / "metrics.json") for folder in (tmp_path / "out", evaluated[0])]
    assert written[0]["protocol"].pop("made_from") != written[1]["protocol"].pop("made_from")
    assert written[0] == written[1]


def frames_psnr(evaluated) -> float:
    return json.loads((evaluated[0] / "metrics.json").read_text())["prediction"]["psnr"]


def test_the_printed_report_ends_with_where_to_look(evaluated):
    output, printed = evaluated
    assert "copy last" in printed and f"{CONTEXT_FRAMES} frames given" in printed
    assert str(output) in "".join(printed.splitlines()[-3:])


def test_artefacts_that_do_not_belong_together_are_refused(inputs, tmp_path):
    torch.manual_seed(1)
    model, _ = load_autoencoder(inputs["autoencoder"])
    torch.nn.init.normal_(next(model.parameters()))
    save_autoencoder(tmp_path / "other.safetensors", model, {})
    identity = load(tmp_path / "other.safetensors", "autoencoder").identity
    frames = open_frames(inputs["test_frames"]).read(slice(None))
    frames[:, 0, 0, 0] ^= 1
    given = write_test_frames(tmp_path / "given.zarr", frames, None)
    made_from = {"autoencoder": load(inputs["autoencoder"], "autoencoder").identity, "test_frames": given.identity}
    write_latents(tmp_path / "latents_of_given.zarr", load_autoencoder(inputs["autoencoder"])[0], given, made_from)
    predicted = open_predicted_frames(inputs["predicted_frames"])
    writer = PredictionWriter(
        tmp_path / "strange.zarr", (32, 32, 3), predicted.video_id, predicted.first_frame, num_samples=2,
        context_frames=CONTEXT_FRAMES, horizon=HORIZON, fps=8, carry_pictures=False, spread="branches",
        made_from={**predicted.made_from, "predictor": "p" * 64},
    )
    writer.write(*(read(0, NUM_CLIPS) for read in (
        predicted.read, predicted.read_straight_on, predicted.read_context_segmentation)))
    writer.finish()
    for changes, named in (
        ({"autoencoder": tmp_path / "other.safetensors"}, ("latents.zarr", "other.safetensors", identity[:12])),
        ({"test_frames": given.path}, ("latents.zarr", "given.zarr")),
        ({"test_frames": given.path, "latents": tmp_path / "latents_of_given.zarr"}, ("predicted_", "given.zarr")),
        ({"predicted_frames": tmp_path / "strange.zarr"}, ("strange.zarr", "predicted_latents.zarr")),
    ):
        result = CliRunner().invoke(app, options({
            **inputs, **changes, "output": tmp_path / "out", "params": inputs["autoencoder"].with_name("params.yaml"),
        }))
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert all(name in result.stderr for name in named), result.stderr
        assert not (tmp_path / "out").exists()
