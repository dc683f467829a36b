"""Presets, and how they are written into params.yaml."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.dependencies.imports import ROOT
from pipeline.errors import UserError
from pipeline.params import load
from pipeline.report.published import read_published
from pipeline.settings.preset import apply_preset, read_preset
from pipeline.settings.settings import check_settings
from stages.preset import app

PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
PUBLISHED = {
    "moving_mnist", "kth", "kth_20", "kth_40", "bair", "bair_14", "cityscapes", "ucf101", "obj3d", "clevrer",
    "kitticaltech", "movi_a",
}
by_preset = pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)


@pytest.fixture
def params(tmp_path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml"))


def leaves(document: dict, prefix: str = "") -> dict:
    found = {}
    for name, value in document.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_published_data_sets_are_there():
    assert PUBLISHED <= {path.stem for path in PRESETS}


@by_preset
def test_every_preset_applies_and_is_valid(preset, params):
    changes = apply_preset(preset, params)
    settings = check_settings(params, load(params))
    before, after, wanted = leaves(load(ROOT / "params.yaml")), leaves(load(params)), leaves(read_preset(preset))
    assert after == before | wanted
    assert [change.split(":")[0] for change in changes] == [key for key in wanted if before[key] != wanted[key]]
    if preset.stem in PUBLISHED:
        predictor = settings.train_predictor
        length = predictor.context_frames + (settings.generate.horizon or predictor.horizon)
        assert settings.preprocess.sequence_length == length and settings.preprocess.split == "published"
        assert settings.preprocess.source.parts[0] == "datasets"


@by_preset
def test_comments_and_other_lines_stay_as_they_are(preset, params):
    changes = apply_preset(preset, params)
    before, after = ((path.read_text().splitlines()) for path in (ROOT / "params.yaml", params))
    changed = [pair for pair in zip(before, after, strict=True) if pair[0] != pair[1]]
    assert len(changed) == len(changes) > 0
    for pair in changed:
        old, new = (re.fullmatch(r"( *\w+):[^#]*(#.*)?", line).groups() for line in pair)
        assert old == new  # name and comment


@by_preset
def test_a_second_time_nothing_changes(preset, params):
    apply_preset(preset, params)
    once = params.read_bytes()
    assert apply_preset(preset, params) == [] and params.read_bytes() == once


@by_preset
def test_its_head_says_what_it_is(preset):
    head = preset.read_text().split("\n", 1)[0]
    assert head.startswith("# ") and len(head) > 30


@by_preset
def test_published_figures_of_its_protocol_are_there(preset, params):
    apply_preset(preset, params)
    settings = check_settings(params, load(params))
    form, predictor, generate = settings.preprocess, settings.train_predictor, settings.generate
    protocol = {
        "context_frames": generate.context_frames or predictor.context_frames,
        "horizon": generate.horizon or predictor.horizon, "num_samples": generate.num_samples,
        "resolution": f"{form.width}x{form.height}x{1 if form.color == 'gray' else 3}",
    }
    if name := settings.report.published:
        assert any(table.is_of(protocol) for table in read_published(ROOT / "presets" / "published", name))


def test_a_preset_may_be_like_another(tmp_path, params):
    for name, text in {
        "low": "preprocess: {height: 32, width: 32, color: gray}\nencode: {batch_size: 3}\n",
        "middle": "like: low\npreprocess: {height: 48}\n",
        "high": "like: middle\npreprocess: {width: 40}\ngenerate: {num_samples: 7}\n",
    }.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    assert len(apply_preset(tmp_path / "high.yaml", params)) == 5
    settings = check_settings(params, load(params))
    assert (settings.preprocess.height, settings.preprocess.width, settings.preprocess.color) == (48, 40, "gray")
    assert settings.encode.batch_size == 3 and settings.generate.num_samples == 7


@pytest.mark.parametrize(("text", "complaint"), [
    ("like: other\n", "is like itself, by way of "), ("like: nobody\n", "no preset 'nobody'; there are other, this"),
    ("[]\n", "wanted the sections of params.yaml"),
])
def test_what_a_preset_cannot_be_like(tmp_path, params, text, complaint):
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "this.yaml").write_text(text)
    (folder / "other.yaml").write_text("like: this\n")
    before = params.read_bytes()
    with pytest.raises(UserError, match=complaint):
        apply_preset(folder / "this.yaml", params)
    assert params.read_bytes() == before


@pytest.mark.parametrize(("text", "complaint"), [
    ("preprocess: {hight: 64}\n", "preprocess.hight is not a parameter of params.yaml"),
    ("preprocess: 3\n", "preprocess is not a parameter"),
    (
        "preprocess: {height: 3}\n",
        r"preprocess.height: Input should be greater than or equal to 8 \(allowed: >= 8, <= 8192\), got 3",
    ),
    ("preprocess: {sequence_length: 8}\n", "preprocess.sequence_length 8; wanted at most the length"),
])
def test_a_bad_preset_changes_nothing(tmp_path, params, text, complaint):
    (tmp_path / "bad.yaml").write_text(text)
    before = params.read_bytes()
    with pytest.raises(UserError, match=complaint) as caught:
        apply_preset(tmp_path / "bad.yaml", params)
    assert str(caught.value).startswith(f"{tmp_path / 'bad.yaml'}: ")
    assert params.read_bytes() == before and not list(tmp_path.glob("*.partial"))


def test_the_command(tmp_path, params):
    result = CliRunner().invoke(app, ["kth", "--params", str(params), "--presets", str(ROOT / "presets")])
    assert result.exit_code == 0 and "preprocess.color: rgb -> gray" in result.stdout.splitlines()
    result = CliRunner().invoke(app, ["nothing", "--params", str(params), "--presets", str(ROOT / "presets")])
    assert result.exit_code == 2 and "no preset 'nothing'; there are bair, " in result.stderr
