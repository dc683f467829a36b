import pytest

from pipeline.dependencies.imports import ROOT, files_beside, import_closure, local_imports, module_file
from pipeline.errors import UserError


def test_imports_of_modules_and_of_names_are_found_within_functions_too(tmp_path):
    (tmp_path / "command.py").write_text(
        "import numpy\nimport pipeline.params\nfrom pipeline.frames import pixels\n\n\ndef load():\n"
        "    from pipeline.errors import UserError\n    return UserError\n"
    )
    found = local_imports(tmp_path / "command.py")
    assert found == {module_file(f"pipeline.{name}") for name in ("params", "frames.pixels", "errors")}


def test_what_is_imported_imports_too():
    closure = import_closure(module_file("stages.check"))
    assert module_file("stages.check") in closure and module_file("pipeline.frames.preprocess_params") in closure


def test_what_lies_beside_modules_belongs_to_them_but_for_python():
    beside = files_beside({module_file("pipeline.report.page")})
    assert ROOT / "pipeline/report/page.css" in beside and all(path.suffix != ".py" for path in beside)
    assert not files_beside({module_file("stages.check"), module_file("data.sprites.drawing")})


@pytest.mark.parametrize(("line", "complaint"), [
    ("from . import pixels", "command.py:1: a relative import"),
    ("import pipeline.nothing", "command.py: imports pipeline.nothing, which does not exist"),
])
def test_an_import_that_cannot_be_followed_is_named(tmp_path, line, complaint):
    (tmp_path / "command.py").write_text(f"{line}\n")
    with pytest.raises(UserError, match=complaint):
        local_imports(tmp_path / "command.py")
