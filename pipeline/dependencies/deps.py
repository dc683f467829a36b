"""The `deps` of the stages of a dvc.yaml: the files that their commands are made of, written in beside their data."""

import shlex
from pathlib import Path

from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT, files_beside, import_closure, module_file
from pipeline.errors import UserError
from pipeline.write_file import write_file


def write_deps(dvc_file: Path) -> list[str]:
    """Mends the lists in `dvc_file`; a file without a fault is left alone. Returns a line per entry come or gone."""
    text = dvc_file.read_text(encoding="utf-8")
    mended, changes = with_deps(text, dvc_file)
    if mended != text:
        write_file(dvc_file, mended.encode())
    return changes


def with_deps(text: str, dvc_file: Path) -> tuple[str, list[str]]:
    """The text of a dvc.yaml with the files of each stage's command in its list of deps, and what changed.

    Data come first, in the order they have; then code, by name. Nothing but lines of these lists is touched: an entry
    keeps what is written behind it, and goes with the comment above it. `dvc_file` is what errors name.
    """
    changes: list[str] = []
    lines = text.splitlines(keepends=True)
    stages = YAML().load(text)["stages"]
    for name, stage in reversed(list(stages.items())):  # from the end: the places of what is yet to do stay true
        deps = stage.get("deps")
        if not deps or deps.fa.flow_style():
            raise UserError(f"{dvc_file}: {name} has no list of deps, a line for each; write its first line at least")
        places = [deps.lc.item(i)[0] for i in range(len(deps))]
        starts = [places[0], *(place + 1 for place in places[:-1])]
        written = {dep: "".join(lines[i : j + 1]) for dep, i, j in zip(deps, starts, places, strict=True)}
        data, code = [dep for dep in deps if not is_code(dep)], {dep for dep in deps if is_code(dep)}
        needed = files_of(stage["cmd"])
        dash = " " * (deps.lc.item(0)[1] - 2) + "- "
        lines[places[0] : places[-1] + 1] = [written.get(dep, f"{dash}{dep}\n") for dep in (*data, *sorted(needed))]
        gone = [f"{name}: - {dep}" for dep in sorted(code - needed)]
        new = [f"{name}: + {dep}" for dep in sorted(needed - code)]
        changes = [*gone, *new, *changes]
    return "".join(lines), changes


def is_code(dep: str) -> bool:
    """Whether an entry of a list of deps is for the imports to decide."""
    return dep.endswith(".py") or dep.startswith("pipeline/")


def files_of(command: str) -> set[str]:
    """The files, relative to the repository's root, that `python -m MODULE ...` is made of."""
    modules = import_closure(module_file(shlex.split(command)[2]))
    return {path.relative_to(ROOT).as_posix() for path in modules | files_beside(modules)}
