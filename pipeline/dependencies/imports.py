"""Which of the repository's files a command is made of, read from the sources without running them."""

import ast
from functools import cache
from pathlib import Path

from pipeline.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ("pipeline", "stages", "data")


@cache
def local_imports(file: Path) -> frozenset[Path]:
    """The repository's own files that `file` imports itself, inside functions too. Raises UserError for a relative
    import and for one that leads nowhere."""
    found: set[Path] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), file)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found |= _resolve(alias.name, file)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise UserError(f"{file}:{node.lineno}: a relative import; write it from the repository's root")
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                found |= _resolve(submodule if module_file(submodule).is_file() else node.module, file)
    return frozenset(found)


def import_closure(file: Path) -> set[Path]:
    """`file` and everything of the repository that it imports, directly or not."""
    closure: set[Path] = set()
    waiting = [file]
    while waiting:
        if (current := waiting.pop()) not in closure:
            closure.add(current)
            waiting.extend(local_imports(current))
    return closure


def files_beside(modules: set[Path]) -> set[Path]:
    """What lies in pipeline/ beside modules without being one (a page's style, say): they read it."""
    folders = {module.parent for module in modules if module.is_relative_to(ROOT / "pipeline")}
    return {path for folder in folders for path in folder.iterdir()
            if path.is_file() and path.suffix not in (".py", ".partial") and not path.name.startswith(".")}


def module_file(module: str) -> Path:
    """Where the source of a module of the repository lies, or would lie."""
    return (ROOT / Path(*module.split("."))).with_suffix(".py")


def _resolve(module: str, importer: Path) -> set[Path]:
    if module.split(".")[0] not in LOCAL:
        return set()
    path = module_file(module)
    if path.is_file():
        return {path}
    if not path.with_suffix("").is_dir():
        raise UserError(f"{importer}: imports {module}, which does not exist")
    return set()  # the package itself: its __init__.py decides no byte
