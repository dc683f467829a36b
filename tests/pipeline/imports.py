"""Which of the repository's files a command imports, read from the sources without running them."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ("pipeline", "stages", "data")


def local_imports(file: Path) -> set[Path]:
    """The repository's own files that `file` imports itself, inside functions too. Relative imports are refused."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _resolve(alias.name, file)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: write the import from the repository's root"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found |= _resolve(submodule if _path(submodule).is_file() else node.module, file)
    return found


def import_closure(file: Path) -> set[Path]:
    """`file` and everything of the repository that it imports, directly or not."""
    closure, waiting = set(), [file]
    while waiting:
        if (current := waiting.pop()) not in closure:
            closure.add(current)
            waiting.extend(local_imports(current))
    return closure


def _resolve(module: str, importer: Path) -> set[Path]:
    if module.split(".")[0] not in LOCAL:
        return set()
    path = _path(module)
    if path.is_file():
        return {path}
    package = path.with_suffix("")
    assert package.is_dir(), f"{importer}: imports {module}, which does not exist"
    return set()  # the package itself: its __init__.py is empty


def _path(module: str) -> Path:
    return (ROOT / Path(*module.split("."))).with_suffix(".py")
