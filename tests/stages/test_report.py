"""The page about the tiny artefacts."""

import csv
import html
import json
import re

import pytest
import torch
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.checkpoint import load
from pipeline.predictor.predictor import load_predictor, save_predictor
from stages.report import app
from tests.stages.conftest import options


@pytest.fixture
def paths(inputs, evaluated, artefacts, tmp_path) -> dict:
    return {
        **inputs, "predictor": artefacts.predictor, "metrics": evaluated[0] / "metrics.json",
        "per_clip": evaluated[0] / "per_clip.csv", "curves": tmp_path / "curves",
        "autoencoder_curves": tmp_path / "none",
        "params": artefacts.params, "page": tmp_path / "report" / "page.html", "cost": tmp_path / "cost.json",
    }


def test_the_page_shows_a_clip_forecast_taken_apart_and_changed(paths, artefacts):
    result = CliRunner().invoke(app, options(paths))
    assert result.exit_code == 0 and str(paths["page"]) in result.stdout, result.output
    page = paths["page"].read_text()
    assert page.count('class="scene"') == 3  # of one clip, as params.yaml says
    identity = load(artefacts.autoencoder, "autoencoder").identity[:12]
    for wanted in (
        "mean of 2 samples", "its error", "tracks of 2 samples",
        "straight on", "who is where", "decoded, tracks found", identity,
    ):
        assert wanted in page
    # the worst clip may be the one in which most moves as well
    assert re.search(r": worst( and most moving)? of 6 clips \(", page)
    assert re.search(r"holds the worst( and most moving)? of 6 clips \(", page)
    assert json.loads(paths["cost"].read_text())["scenes_per_second"] > 0


def test_the_page_shows_every_clip_and_what_should_worry(paths):
    for split in ("train", "validation"):
        folder = paths["curves"] / "plots" / "metrics" / split
        folder.mkdir(parents=True)
        (folder / "loss.tsv").write_text(f"step\tloss\n7\t{9 if split == 'validation' else -9}\n")
    paths["autoencoder_curves"] = paths["curves"]
    figures = {"train": {"objects": 0.5}, "validation": {"objects": None}}
    (paths["curves"] / "metrics.json").write_text(json.dumps(figures))
    assert CliRunner().invoke(app, options(paths)).exit_code == 0
    page, metrics = html.unescape(paths["page"].read_text()), json.loads(paths["metrics"].read_text())
    rows = list(csv.DictReader(paths["per_clip"].read_text().splitlines()))
    assert all(f"{row['video_id']} from frame {row['first_frame']}" in page for row in rows)
    assert metrics["warnings"] and all(text in page for text in metrics["warnings"])
    assert page.count("kept are the weights of step 7") == 2 and "no validation clip holds an object" in page


@pytest.mark.parametrize("damage", ["", "video_id,first_frame\nother,5\n", "video_id\nother\n"])
def test_figures_of_other_clips_are_refused(paths, tmp_path, damage):
    (tmp_path / "per_clip.csv").write_text(damage)
    result = CliRunner().invoke(app, options({**paths, "per_clip": tmp_path / "per_clip.csv"}))
    assert result.exit_code == 2 and "per_clip.csv" in result.stderr and result.stderr.count("\n") == 1


def test_a_rerun_gives_the_same_bytes(paths, tmp_path):
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        assert CliRunner().invoke(app, options({**paths, "page": page})).exit_code == 0
    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_no_context_is_taken_apart_again(paths, monkeypatch):
    def propose(*_):
        raise AssertionError("frames are taken apart")

    monkeypatch.setattr("pipeline.autoencoder.autoencoder.propose", propose)
    assert CliRunner().invoke(app, options(paths)).exit_code == 0


def test_figures_of_something_else_are_refused(paths, tmp_path):
    metrics = json.loads(paths["metrics"].read_text())
    origin = metrics["protocol"]["made_from"]
    for number, name in enumerate(("test_frames", "autoencoder", "latents", "predicted_latents", "predicted_frames")):
        metrics["protocol"]["made_from"] = [*origin[:number], f"{name} {'e' * 64}", *origin[number + 1:]]
        (tmp_path / "metrics.json").write_text(json.dumps(metrics))
        result = CliRunner().invoke(app, options({**paths, "metrics": tmp_path / "metrics.json"}))
        assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
        assert f"metrics.json was made from {name} eeee" in result.stderr and str(paths[name]) in result.stderr
        assert not paths["page"].exists()


def test_another_predictor_is_refused(paths, tmp_path):
    predictor, weights = load_predictor(paths["predictor"])
    torch.nn.init.normal_(next(predictor.parameters()))
    save_predictor(tmp_path / "other.safetensors", predictor, weights.made_from)
    result = CliRunner().invoke(app, options({**paths, "predictor": tmp_path / "other.safetensors"}))
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    assert "other.safetensors" in result.stderr and str(paths["predicted_frames"]) in result.stderr
    assert not paths["page"].exists()


@pytest.mark.parametrize("text", [None, "{", "{}"], ids=["missing", "cut short", "something else"])
def test_without_figures_it_says_what_to_run(paths, tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    result = CliRunner().invoke(app, options({**paths, "metrics": tmp_path / "metrics.json"}))
    assert result.exit_code == 2 and "dvc repro" in result.stderr and result.stderr.count("\n") == 1
    assert not paths["page"].exists()


def test_published_figures_stand_beside_the_run(paths, tmp_path):
    asked = json.loads(paths["metrics"].read_text())["protocol"]
    protocol = {key: asked[key] for key in ("context_frames", "horizon", "resolution", "num_samples")}
    table = {"source": "A and B, table 1", "computed": "alike", "figures": {"SVG": {"psnr": 19.875}}, **protocol}
    (tmp_path / "published").mkdir()
    YAML().dump({"tables": [table]}, tmp_path / "published" / "mine.yaml")
    for name, code in (("mine", 0), ("yours", 2)):
        YAML().dump({"report": {"num_clips": 1, "published": name}}, tmp_path / "params.yaml")
        command = options({**paths, "params": tmp_path / "params.yaml", "published": tmp_path / "published"})
        result = CliRunner().invoke(app, command)
        assert result.exit_code == code, result.output
    assert "A and B, table 1" in (page := paths["page"].read_text()) and "<td>19.88</td>" in page
    assert "holds no 'yours'; there are mine: name one, or null" in result.stderr
