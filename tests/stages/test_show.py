import json

import pytest
from typer.testing import CliRunner

from pipeline.report.page import write_report
from stages import show
from tests.evaluation.test_report import METRICS
from tests.report.conftest import SCENES, SPEC

COST = {"seconds": 125.0, "peak_resident_gib": 1.25, "peak_cuda_allocated_gib": 0.0, "peak_cuda_reserved_gib": 0.0,
        "frames_per_second": 12.5, "gib_hours": 0.04}


def run(folder, **options):
    paths = {"metrics": folder / "metrics.json", "pictures": folder, "costs": folder, "params": folder / "params.yaml",
             "page": folder / "page.html", "output": folder / "whole.html",
             "curves": folder / "curves", **options}
    words = [word for name, path in paths.items() for word in (f"--{name}", str(path))]
    return CliRunner().invoke(show.app, words)


@pytest.fixture
def evaluated(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "params.yaml").write_text("encode: {batch_size: 4}  # <sequences>\n")
    return tmp_path


@pytest.mark.parametrize("text", [None, "", "{"], ids=["missing", "empty", "cut short"])
def test_without_figures_it_says_what_to_run(tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    result = run(tmp_path)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: {tmp_path / 'metrics.json'}: cannot be read")
    assert "dvc repro" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_the_page_is_completed_with_parameters_and_cost(evaluated):
    write_report(evaluated / "page.html", METRICS, {}, {}, SPEC, SCENES, [])
    (evaluated / "encode.json").write_text(json.dumps(COST))
    before = (evaluated / "page.html").read_bytes()
    result = run(evaluated)
    assert result.exit_code == 0 and "24.00" in result.stdout and "whole.html" in result.stdout.replace("\n", "")
    assert result.stderr == ""
    page = (evaluated / "whole.html").read_text()
    assert "encode: {batch_size: 4}  # &lt;sequences&gt;" in page and "2 min 05 s" in page and len(page) > len(before)
    assert (evaluated / "page.html").read_bytes() == before


def test_figures_are_shown_where_there_is_no_page(evaluated):
    """As in a fresh clone, where git has the figures and DVC has fetched nothing yet."""
    result = run(evaluated)
    assert result.exit_code == 0 and "24.00" in result.stdout and not (evaluated / "whole.html").exists()
    assert result.stderr == (
        f"warning: {evaluated / 'page.html'} is not there: no run has come to its end here, so these figures are those "
        "that came with the repository; `dvc repro` makes yours\n")


def test_it_warns_of_trainings_as_the_page_does(evaluated):
    for split, losses in {"train": "1\t0.5\n2\t0.1\n", "validation": "1\t1.0\n2\t3.0\n"}.items():
        folder = evaluated / "curves/train_autoencoder/plots/metrics" / split
        folder.mkdir(parents=True)
        (folder / "loss.tsv").write_text("step\tloss\n" + losses)
    result = run(evaluated)
    assert "warning: train_autoencoder: the loss ends at 3.0000 in validation" in result.stderr
