"""Nothing runs what came from outside: no code in data, no shell, no package that is not the one that was pinned."""

import ast
import re
from pathlib import Path

import pytest

from pipeline.dependencies.imports import ROOT
from tests.pipeline.test_layout import tracked

SOURCES = [path for path in tracked("pipeline/*.py", "stages/*.py", "data/*.py", "benchmarks/*.py", ".ci/*.py")]
CODE_FROM_DATA = {"cPickle", "dill", "joblib", "cloudpickle", "shelve", "marshal"}
RUNNERS = {"eval", "exec", "compile", "__import__", "execfile"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
DOWNLOADERS = {"urllib", "requests", "httpx", "aiohttp", "huggingface_hub", "socket", "ftplib"}


def complaints(source: str) -> list[str]:
    """What in a source file must not be there."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [name for name in names if name.split(".")[0] in CODE_FROM_DATA | DOWNLOADERS | {"yaml"}]
        if isinstance(node, ast.ImportFrom) and node.module == "pickle":
            found.append(ast.unparse(node))
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "pickle" and node.attr != "UnpicklingError":
            found.append(ast.unparse(node))
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if called in RUNNERS | SHELLS or given.get("shell", "False") != "False":
                found.append(ast.unparse(node))
            loads_code = called == "torch.load" and given.get("weights_only") != "True"
            if given.get("allow_pickle", "False") != "False" or loads_code:
                found.append(ast.unparse(node))
            if called == "YAML" and given.get("typ", "'rt'") not in ("'rt'", "'safe'"):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_nothing_runs_what_came_from_outside(path):
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("line", [
    "eval(text)", "exec(text)", "pickle.loads(text)", "from pickle import loads", "from joblib import load",
    "os.system(name)", "run(name, shell=True)", "np.load(path, allow_pickle=True)", "torch.load(path)",
    "torch.load(path, weights_only=False)", "import urllib.request", "import yaml", "YAML(typ='unsafe')",
])
def test_the_search_finds_what_it_looks_for(line):
    assert complaints(line) and not complaints("model.eval()\nre.compile(text)\ntorch.load(path, weights_only=True)")


def versions(text: str) -> dict[str, str]:
    pairs = re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE)
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in pairs}


def test_every_pinned_package_has_its_hashes_and_its_licence():
    """When this fails, run .ci/hash_requirements."""
    pinned = versions((ROOT / "constraints.txt").read_text())
    text = (ROOT / ".ci/requirements-hashed.txt").read_text()
    assert versions(text) == {name: version for name, version in pinned.items() if name != "torch"}
    for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block
    licences = dict(line.split(": ", 1) for line in (ROOT / ".ci/licences.txt").read_text().splitlines())
    assert {re.sub("[-_.]+", "-", name).lower() for name in licences} == set(pinned)
    assert all(licences.values())


def test_everything_that_is_required_is_pinned():
    pinned = versions((ROOT / "constraints.txt").read_text())
    for name in ("requirements.txt", "requirements-test.txt"):
        lines = [line for line in Path(ROOT / name).read_text().splitlines() if line and line[0] not in "-#"]
        assert lines and all("==" in line for line in lines)
        assert versions("\n".join(lines)).items() <= pinned.items()
