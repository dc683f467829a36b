"""dvc.yaml and params.yaml say exactly what the commands do."""

import importlib
import inspect
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from pipeline.dependencies.deps import is_code
from pipeline.dependencies.imports import ROOT, files_beside, import_closure
from pipeline.params import read_section
from tests.pipeline.dvc_stages import STAGE_NAMES, YAML_1_2, dvc_stages, sections_read
from tests.pipeline.test_layout import tracked

STAGES = dvc_stages()
FORECAST = Path("forecast")
"""Where generate writes the forecast of a user's own video, which is no part of the pipeline."""
by_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def models_within(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every model that its fields hold, however deep."""
    yield model
    for definition in find_models(list(field.annotation for field in model.model_fields.values())):
        yield from models_within(definition)


def find_models(annotations: list) -> Iterator[type[BaseModel]]:
    for annotation in annotations:
        if inspect.isclass(annotation) and issubclass(annotation, BaseModel):
            yield annotation
        else:
            yield from find_models(list(getattr(annotation, "__args__", ())))


def keys_within(node) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from keys_within(value)
    elif isinstance(node, list):
        for value in node:
            yield from keys_within(value)


def test_the_stages_stand_in_order():
    assert tuple(stage.name for stage in STAGES if stage.module.startswith("stages.")) == STAGE_NAMES
    assert all(stage.module == f"stages.{stage.name}" for stage in STAGES if stage.name in STAGE_NAMES)


@by_stage
def test_deps_are_the_import_closure(stage):
    declared = {dep for dep in stage.deps if is_code(dep)}
    imported = import_closure(stage.file)
    needed = {path.relative_to(ROOT).as_posix() for path in imported | files_beside(imported)}
    assert not needed - declared, f"{stage.name}: add to deps, with `make deps`: {sorted(needed - declared)}"
    assert not declared - needed, f"{stage.name}: remove from deps, with `make deps`: {sorted(declared - needed)}"


@by_stage
def test_params_read_are_params_declared(stage):
    read = {section for section, _ in sections_read(stage.file)}
    assert read == {section for _, section in stage.params} == {stage.name}


@by_stage
def test_shipped_params_are_valid(stage):
    (file, section), = stage.params
    (_, model), = sections_read(stage.file)
    read_section(ROOT / file, section, model)


@by_stage
def test_no_name_that_the_run_cache_ignores(stage):
    """DVC 3.67 leaves keys called exactly so out of the run cache's key and restores stale results."""
    for file, _ in stage.params:
        assert not {"size", "nfiles"} & set(keys_within(YAML_1_2.load((ROOT / file).read_text())))
    for _, section_model in sections_read(stage.file):
        for model in models_within(section_model):
            assert not {"size", "nfiles"} & set(model.model_fields), model


def test_params_yaml_has_the_sections_of_the_stages():
    assert tuple(YAML_1_2.load((ROOT / "params.yaml").read_text())) == STAGE_NAMES


@by_stage
def test_parameters_are_documented(stage):
    for _, section_model in sections_read(stage.file):
        for model in models_within(section_model):
            undocumented = [name for name, field in model.model_fields.items()
                            if not field.description and not list(find_models([field.annotation]))]
            assert not undocumented, f"{model.__name__}: a docstring is missing for {undocumented}"


@by_stage
def test_commands_hold_paths_only(stage):
    """Numbers in a command would be parameters that nobody can see or sweep."""
    words = shlex.split(stage.cmd)[3:]
    options, values = words[::2], words[1::2]
    assert all(option.startswith("--") for option in options), stage.cmd
    declared = {*stage.deps, *stage.outs, *(file for file, _ in stage.params)}
    for value in values:
        assert value in declared, f"{stage.name}: {value} is neither a dep, an out nor a params file"


@by_stage
def test_default_paths_are_those_of_dvc_yaml(stage):
    """A stage called by hand without options reads and writes what `dvc repro` does, and dvc.yaml leaves none out."""
    command = typer.main.get_command(importlib.import_module(stage.module).app)
    defaults = {Path(option.default) for option in command.params if isinstance(option.default, str | Path)}
    declared = {Path(path) for path in (*stage.deps, *stage.outs, *(file for file, _ in stage.params))
                if not is_code(path) and path != "${preprocess.source}"}
    for path in defaults - {FORECAST}:
        assert [other for other in declared if path == other or path in other.parents], f"{path} is not in dvc.yaml"
    for path in declared:
        assert [other for other in defaults if path == other or other in path.parents], f"no option for {path}"


def test_no_params_file_of_presets_is_left_out():
    """Any other parameter file in the repository obeys the run cache's rule as well."""
    for path in tracked("*params*.yaml"):
        assert not {"size", "nfiles"} & set(keys_within(YAML_1_2.load(path.read_text()))), path


def test_the_docs_show_the_graph_of_stages():
    command = [sys.executable, "-m", "dvc", "dag", "--md"]
    drawn = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert drawn.stdout.strip() in (ROOT / "docs/design.md").read_text(encoding="utf-8")


def test_what_dvc_takes_over_is_no_second_copy(tmp_path):
    """Videos by `dvc add`, outputs by `dvc repro`: reflinked where the file system can, hard-linked elsewhere."""
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets/clip.mkv").write_bytes(bytes(99))
    (tmp_path / ".dvc").mkdir()
    shutil.copy(ROOT / ".dvc/config", tmp_path / ".dvc")
    (tmp_path / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    dvc = [sys.executable, "-m", "dvc"]
    subprocess.run([*dvc, "add", "datasets"], cwd=tmp_path, check=True, capture_output=True)
    kinds = subprocess.run([*dvc, "version"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert (tmp_path / "datasets/clip.mkv").stat().st_nlink == 2 or "Cache types: reflink" in kinds
