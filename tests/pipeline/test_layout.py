"""The rules that keep a change to one stage from rerunning, or silently missing, another."""

import subprocess
from pathlib import Path

import pytest

from pipeline.dependencies.imports import ROOT, import_closure, local_imports

MODELS = {"autoencoder", "predictor"}
FLOORS = (
    {
        "settings", "suggestion", "encoding", "forecasting", "evaluation", "inspection", "report", "tracks_export",
        "surprise",
    },
    MODELS, {"pictures"}, {"frames", "latents"},
)
"""Rooms of pipeline/ from the top floor down; everything else in pipeline/ is ground."""
STORES = {
    "pipeline/frames/frame_store.py", "pipeline/frames/frame_store_writer.py", "pipeline/frames/prediction_store.py",
    "pipeline/latents/latent_store.py", "pipeline/zarr_io.py",
}


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", *patterns], cwd=ROOT, check=True,
                            capture_output=True, text=True).stdout
    return [ROOT / line for line in listed.splitlines()]


def relative(paths) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in paths}


def room(file: Path) -> str:
    parts = file.relative_to(ROOT).parts
    return parts[1] if len(parts) > 2 else ""


def height(file: Path) -> int:
    """0 for the ground, one more for each floor; the stages stand above all."""
    if file.relative_to(ROOT).parts[0] != "pipeline":
        return len(FLOORS) + 1
    return next((len(FLOORS) - i for i, rooms in enumerate(FLOORS) if room(file) in rooms), 0)


SOURCES = [path for path in tracked("pipeline/*.py", "stages/*.py") if path.name != "__init__.py"]
PACKAGE_FILES = [path for path in tracked("*.py") if path.name == "__init__.py"]


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 20 and len(PACKAGE_FILES) > 5


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_package_files_are_empty(path):
    """But for that of the stages, which settles how libraries behave before one is loaded."""
    assert path.read_bytes() == b"" or path == ROOT / "stages/__init__.py"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_go_down(path):
    for imported in local_imports(path):
        where = f"{path.relative_to(ROOT)} imports {imported.relative_to(ROOT)}"
        assert imported.relative_to(ROOT).parts[0] == "pipeline", f"{where}: only pipeline/ may be imported"
        assert height(imported) <= height(path), f"{where}: that runs up a floor"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_do_not_run_in_circles(path):
    for imported in local_imports(path):
        assert path not in import_closure(imported), f"{path.relative_to(ROOT)} <-> {imported.relative_to(ROOT)}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_models_and_stores_do_not_meet(path):
    reached = import_closure(path)
    if room(path) in MODELS:
        assert not relative(reached) & STORES, "a model imports a store"
    if room(path) == "autoencoder":
        assert not [file for file in reached if room(file) == "predictor"]
    if room(path) == "predictor":
        assert not [file for file in reached if room(file) == "autoencoder"]
