"""The command that says which parameters fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML
from typer.testing import CliRunner

from data.sprites.generate import SpriteParams, generate
from pipeline.dependencies.imports import ROOT
from pipeline.frames.write_video import write_video
from pipeline.params import load, read_section
from pipeline.settings.settings import check_settings
from stages.suggest import app
from tests.frames.damaged_videos import damage, texture, write

REAL = ROOT.parent / "shared/data/real"


@pytest.fixture
def params(tmp_path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml"))


@pytest.fixture
def run(params, tmp_path):
    """Runs the command on a source, writing; returns the parameters and what was printed."""
    def call(source: Path, *options: str) -> tuple[dict, str]:
        picture = tmp_path / "seen.png"
        arguments = [str(source), "--params", str(params), "--picture", str(picture), "--seconds", "20", *options]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        with Image.open(picture) as drawn:
            assert drawn.width > 300
        return load(params), result.stdout

    return call


@pytest.fixture(scope="module")
def sprites(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("sprites") / "videos"
    given = read_section(ROOT / "data/sprites/params.yaml", "sprites", SpriteParams)
    generate(given.model_copy(update={"num_videos": 24}), folder)
    return folder


def test_the_default_sprites_get_about_the_default_parameters(run, sprites, params):
    before = params.read_text()
    _, printed = run(sprites)
    assert params.read_text() == before and "--write" in printed
    document, _ = run(sprites, "--write")
    preprocess, architecture = document["preprocess"], document["train_autoencoder"]["architecture"]
    assert (preprocess["height"], preprocess["width"], preprocess["fps"], preprocess["color"]) == (64, 64, None, "rgb")
    assert preprocess["source"] == str(sprites) and preprocess["sequence_length"] == 20
    assert 3 <= architecture["num_slots"] <= 4 and 12 <= architecture["object_px"] <= 20
    assert architecture["canvas_margin"] == architecture["detail_dim"] == architecture["deformation_dim"] == 0
    assert document["train_predictor"]["augmentation"] == "motion"


def test_writing_keeps_comments_order_and_other_keys(run, sprites, params):
    before = params.read_text().splitlines()
    run(sprites, "--write")
    after = params.read_text().splitlines()
    assert [line.partition("#")[2] for line in after] == [line.partition("#")[2] for line in before]
    assert [line.partition(":")[0] for line in after] == [line.partition(":")[0] for line in before]
    check_settings(params, load(params))
    old, new = (YAML(typ="safe", pure=True).load("\n".join(lines)) for lines in (before, after))
    assert old["generate"] == new["generate"] and old["evaluate"] == new["evaluate"] and old["encode"] == new["encode"]


def test_nothing_is_cut_off_at_80_columns(run, sprites):
    _, printed = run(sprites)
    assert "…" not in printed and str(sprites) in printed
    assert max(len(line) for line in printed.splitlines() if str(sprites.parent.parent) not in line) <= 80
    for key in ("sequence_stride", "deformation_dim", "augmentation"):
        assert key in printed


def test_a_folder_with_one_short_grey_video(run, tmp_path):
    (tmp_path / "videos").mkdir()
    frames = np.full((24, 40, 56, 3), 90, np.uint8)
    for t in range(24):
        frames[t, 10:18, 2 * t:2 * t + 8] = 220
    write_video(tmp_path / "videos" / "one.mkv", frames, 10, lossless=True)
    document, _ = run(tmp_path / "videos", "--write")
    preprocess = document["preprocess"]
    assert (preprocess["height"], preprocess["width"], preprocess["color"]) == (40, 56, "gray")
    assert preprocess["sequence_length"] == 8
    assert document["train_predictor"]["context_frames"] + document["train_predictor"]["horizon"] == 8
    assert 7 <= document["train_autoencoder"]["architecture"]["object_px"] <= 9


def test_a_source_that_preprocess_would_refuse_is_told_of(params, tmp_path):
    for name, num_frames, worries in (("short.mkv", 6, 1), ("long.mkv", 24, 0)):
        write_video(tmp_path / name, np.full((num_frames, 32, 32, 3), 90, np.uint8), 10, lossless=True)
        words = [tmp_path / name, "--params", params, "--picture", tmp_path / "a.png"]
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0 and result.stderr.count(
            "warning: the source has 1 sequence of 4 frames, and preprocess will refuse it: wanted ") == worries


@pytest.mark.parametrize("content, wanted", [(None, "does not exist"), (b"no video", "cannot be decoded")])
def test_what_cannot_be_read_is_said_in_one_line(params, tmp_path, capsys, content, wanted):
    source = tmp_path / "video.mp4"
    if content:
        source.write_bytes(content)
    result = CliRunner().invoke(app, [str(source), "--params", str(params), "--picture", str(tmp_path / "a.png")])
    assert result.exit_code == 2 and wanted in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("error")]) == 1
    assert not (tmp_path / "a.png").exists()


def test_a_video_that_is_damaged_from_its_first_frame_on_is_looked_at_if_it_is_to_be_kept(run, params, tmp_path):
    write(tmp_path / "a.mp4", texture(60))
    damage(tmp_path / "a.mp4", 0, first=0, count=60)
    result = CliRunner().invoke(app, [str(tmp_path / "a.mp4"), "--params", str(params)])
    assert result.exit_code == 2 and "preprocess.on_damage" in result.stderr
    params.write_text(params.read_text().replace("on_damage: stop", "on_damage: keep"))
    assert (run(tmp_path / "a.mp4", "--write")[0]["preprocess"]["width"]) == 64


@pytest.mark.skipif(not REAL.is_dir(), reason="no real videos here")
@pytest.mark.parametrize("source, still, slots, object_px", [
    ("traffic/highway.avi", True, (5, 10), (10, 30)), ("handheld/basketball.mp4", False, (3, 10), (5, 20)),
])
def test_real_videos(run, source, still, slots, object_px):
    architecture = run(REAL / source, "--write")[0]["train_autoencoder"]["architecture"]
    assert (architecture["canvas_margin"] == 0) == still
    assert slots[0] <= architecture["num_slots"] <= slots[1]
    assert object_px[0] <= architecture["object_px"] <= object_px[1]
