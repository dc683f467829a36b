"""The stages as dvc.yaml declares them, and the commands as they are."""

import ast
import importlib
import shlex
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT, import_closure, module_file
from pipeline.params import Params

YAML_1_2 = YAML(typ="safe", pure=True)
DVC_FILES = ("data/sprites/dvc.yaml", "dvc.yaml")
STAGE_NAMES = ("preprocess", "train_autoencoder", "encode", "train_predictor", "generate", "evaluate", "report")


@dataclass(frozen=True)
class DvcStage:
    """One entry under `stages:`; every path relative to the repository's root."""

    name: str
    cmd: str
    deps: tuple[str, ...]
    params: tuple[tuple[str, str], ...]
    """Pairs of file and section."""
    outs: tuple[str, ...]

    @property
    def module(self) -> str:
        python, flag, module = shlex.split(self.cmd)[:3]
        assert (python, flag) == ("python", "-m"), self.cmd
        return module

    @property
    def file(self) -> Path:
        return module_file(self.module)


def dvc_stages() -> list[DvcStage]:
    stages = []
    for dvc_file in DVC_FILES:
        for name, entry in YAML_1_2.load((ROOT / dvc_file).read_text())["stages"].items():
            folder = (ROOT / dvc_file).parent / entry.get("wdir", ".")
            assert folder.resolve() == ROOT, f"{name} does not run from the repository's root"
            params = []
            for item in entry.get("params", []):
                files = item if isinstance(item, dict) else {"params.yaml": [item]}
                params += [(file, section) for file, sections in files.items() for section in sections]
            outs = [key for kind in ("outs", "metrics", "plots") for key in map(_first_key, entry.get(kind, []))]
            cmd = " ".join(entry["cmd"].split())
            stages.append(DvcStage(name, cmd, tuple(entry["deps"]), tuple(params), tuple(outs)))
    return stages


def sections_read(file: Path) -> set[tuple[str, type[Params]]]:
    """Every `read_section(path, "section", Model)` in the import closure of a command: the section and its real
    model."""
    found = set()
    for source in import_closure(file):
        for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and _name(node.func) == "read_section":
                _, section, model = node.args
                module = importlib.import_module(".".join(source.relative_to(ROOT).with_suffix("").parts))
                found.add((ast.literal_eval(section), getattr(module, _name(model))))
    return found


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _first_key(item: str | dict) -> str:
    return next(iter(item)) if isinstance(item, dict) else item
