"""The whole of params.yaml at once."""

import subprocess
import sys

import pytest
from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT
from pipeline.errors import UserError
from pipeline.params import load
from pipeline.settings.settings import Settings, check_settings
from tests.pipeline.dvc_stages import dvc_stages, sections_read

SHIPPED = ROOT / "params.yaml"


def changed(tmp_path, changes: dict):
    """params.yaml with the values of some keys, written with dots, replaced or added."""
    document = YAML(typ="safe", pure=True).load(SHIPPED)
    for key, value in changes.items():
        *parents, name = key.split(".")
        section = document
        for parent in parents:
            section = section[parent]
        section[name] = value
    YAML().dump(document, tmp_path / "params.yaml")
    return tmp_path / "params.yaml"


def test_the_models_are_those_of_the_stages():
    sections = {}
    for stage in dvc_stages():
        if stage.module.startswith("stages."):
            sections |= dict(sections_read(stage.file))
    assert {name: field.annotation for name, field in Settings.model_fields.items()} == sections


def test_the_shipped_file_is_valid_and_checked_without_the_heavy_libraries():
    code = (
        "import sys, stages.check as c; c.main(c.Path('params.yaml')); "
        "print({'torch', 'av', 'zarr'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["params.yaml: every section is valid", "set()"], done.stderr


def test_mistakes_of_all_sections_are_told_at_once(tmp_path):
    path = changed(tmp_path, {
        "preprocess.color": "green", "train_autoencoder.architecture.num_slots": 64, "encode.batch_sizes": 3,
        "train_predictor.mixture.num_heads": 3, "generate.num_samples": 0, "evaluate.batch_size": "many",
    })
    with pytest.raises(UserError) as caught:
        check_settings(path, load(path))
    for part in (
        "preprocess.color: Input should be 'rgb' or 'gray', got 'green'",
        "train_autoencoder.architecture.num_slots: Input should be less than or equal to 32 "
        "(allowed: >= 1, <= 32), got 64",
        "encode.batch_sizes is not a parameter (did you mean encode.batch_size?)",
        "train_predictor.mixture: num_heads 3 does not divide hidden_dim", "generate.num_samples: ",
        "evaluate.batch_size: ",
    ):
        assert part in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(("changes", "complaint"), [
    (
        {"preprocess.sequence_length": 12},
        "train_predictor.context_frames + horizon is 20, preprocess.sequence_length 12",
    ),
    ({"generate.horizon": 15}, "generate forecasts 15 frames from 10, preprocess.sequence_length is 20"),
    ({"generate.context_frames": 11}, "generate forecasts 10 frames from 11"),
    ({"train_autoencoder.architecture.object_px": 64}, "object_px is 64, frames are 64x64 px"),
])
def test_sections_that_contradict_one_another(tmp_path, changes, complaint):
    path = changed(tmp_path, changes)
    with pytest.raises(UserError) as caught:
        check_settings(path, load(path))
    assert complaint in str(caught.value) and str(caught.value).count(" wanted ") == 1


def test_sections_that_just_agree(tmp_path):
    path = changed(tmp_path, {"generate.context_frames": 5, "generate.horizon": 15})
    assert check_settings(path, load(path)).generate.horizon == 15
