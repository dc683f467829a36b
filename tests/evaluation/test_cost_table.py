import io
import json

import pytest
from rich.console import Console

from pipeline.errors import UserError
from pipeline.evaluation.cost_table import print_costs

FIGURES = {"seconds": 61.4, "peak_resident_gib": 1.25, "peak_cuda_allocated_gib": 0.0, "peak_cuda_reserved_gib": 0.0,
           "frames_per_second": 1234.5, "gib_hours": 0.0213, "processes": 1}


def printed(folder) -> str:
    stream = io.StringIO()
    print_costs(folder, ("encode", "train_autoencoder", "generate"), Console(file=stream, width=80))
    return stream.getvalue()


def test_stages_that_have_run_are_shown_in_order(tmp_path):
    large = {**FIGURES, "seconds": 12345.6, "frames_per_second": 12345.6}
    (tmp_path / "train_autoencoder.json").write_text(json.dumps(large))
    (tmp_path / "encode.json").write_text(json.dumps({**FIGURES, "peak_cuda_reserved_gib": 2.5}))
    rows = [line.split() for line in printed(tmp_path).splitlines() if "s/s" in line]
    assert rows == [
        ["encode", "61", "1.25", "2.50", "0.0213", "1,234.5", "frames/s"],
        ["train_autoencoder", "12346", "1.25", "-", "0.0213", "12,345.6", "frames/s"],
    ]


def test_nothing_is_shown_where_nothing_has_run(tmp_path):
    assert printed(tmp_path / "missing") == ""


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({**FIGURES, "seconds": None})])
def test_an_unreadable_cost_is_named(tmp_path, text):
    (tmp_path / "train_autoencoder.json").write_text(text)
    with pytest.raises(UserError, match="train_autoencoder.json: wanted the cost"):
        printed(tmp_path)
