"""How the lists of deps are written into a dvc.yaml."""

import pytest
from typer.testing import CliRunner

from pipeline.dependencies.deps import with_deps, write_deps
from pipeline.dependencies.imports import ROOT
from pipeline.errors import UserError
from stages.deps import DVC_FILES, app

FILES = [ROOT / path for path in DVC_FILES]
by_file = pytest.mark.parametrize("file", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
STAGES = """\
# Two stages.
stages:
  check:
    cmd: python -m stages.check   # half a second
    deps:   # data first
      - ${{preprocess.source}}
      # the text of a comment
      - data/z.zarr  # the last of the data
{deps}
    # what is measured
    outs:
      - {{a: 1,   b: 2}}
"""


def listed(text: str) -> list[str]:
    """The lines of the first list of deps."""
    lines = [line.split("#")[0].strip() for line in text.splitlines()]
    start = lines.index("deps:") + 1
    return [line[2:] for line in lines[start : lines.index("outs:")] if line.startswith("- ")]


@by_file
def test_the_shipped_files_stay_as_they_are(file):
    text = file.read_text()
    assert with_deps(text, file) == (text, [])


@by_file
def test_what_is_missing_and_what_is_too_much_is_mended(file):
    text = file.read_text()
    missing = next(line for line in text.splitlines(keepends=True) if line.endswith("- pipeline/errors.py\n"))
    stray = missing.replace("errors", "stray")
    faulty = text.replace(missing, "", 1).replace(missing, missing + stray, 1)
    mended, changes = with_deps(faulty, file)
    assert faulty != text == mended
    assert any(change.endswith("+ pipeline/errors.py") for change in changes)
    assert stray not in faulty or any(change.endswith("- pipeline/stray.py") for change in changes)


def test_nothing_but_the_lists_changes_and_data_come_first():
    code = ("pipeline/params.py  # read by all", "stages/nothing.py", "stages/check.py")
    before = STAGES.format(deps="\n".join(f"      - {line}" for line in code))
    after, changes = with_deps(before, FILES[0])
    deps = listed(after)
    assert deps[:2] == ["${preprocess.source}", "data/z.zarr"] and deps[2:] == sorted(deps[2:])
    assert {"pipeline/params.py", "pipeline/errors.py", "stages/check.py"} < set(deps)
    assert changes[0] == "check: - stages/nothing.py" and all(change.startswith("check: + ") for change in changes[1:])
    kept = [line for line in before.splitlines() if "stages/nothing.py" not in line]
    assert [line for line in after.splitlines() if line in kept] == kept
    assert set(after.splitlines()) - set(kept) == {f"      - {change[9:]}" for change in changes[1:]}
    assert with_deps(after, FILES[0]) == (after, [])


@pytest.mark.parametrize("deps", ["", "    deps: []\n", "    deps: [stages/check.py]\n"])
def test_a_stage_without_a_list_is_named(deps):
    with pytest.raises(UserError, match="dvc.yaml: check has no list of deps"):
        with_deps(f"stages:\n  check:\n    cmd: python -m stages.check\n{deps}", FILES[0])


def test_a_file_is_written_only_when_it_changes(tmp_path):
    path = tmp_path / "dvc.yaml"
    path.write_text(STAGES.format(deps="      - stages/check.py"))
    assert write_deps(path)
    written = path.read_bytes(), path.stat().st_mtime_ns
    assert write_deps(path) == [] and written == (path.read_bytes(), path.stat().st_mtime_ns)


def test_the_command(tmp_path):
    path = tmp_path / "dvc.yaml"
    path.write_text(STAGES.format(deps="      - stages/check.py"))
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 0 and f"{path}: check: + pipeline/errors.py" in result.stdout.splitlines()
    path.write_text("stages: {check: {cmd: python -m stages.check}}")
    result = CliRunner().invoke(app, [str(path)])
    assert result.exit_code == 2 and "has no list of deps" in result.stderr
