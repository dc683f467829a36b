import pytest
from typer.testing import CliRunner

from stages import report


@pytest.mark.parametrize("text", [None, "", "{"], ids=["missing", "empty", "cut short"])
def test_without_figures_it_says_what_to_run(tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    result = CliRunner().invoke(report.app, ["--metrics", str(tmp_path / "metrics.json")])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path / 'metrics.json'}: cannot be read") and "dvc repro" in result.stderr
    assert len(result.stderr.splitlines()) == 1
