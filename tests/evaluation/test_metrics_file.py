"""metrics.json, written and read."""

import copy
import json

import pytest

from pipeline.errors import UserError
from pipeline.evaluation.metrics_file import made_from, origin, read_metrics, write_metrics
from tests.evaluation.test_report import METRICS


def test_metrics_are_written_as_they_are_to_six_decimals(tmp_path):
    write_metrics(tmp_path / "metrics.json", METRICS)
    read = read_metrics(tmp_path / "metrics.json")
    assert read["prediction"].pop("mse") == 30.123457
    wanted = copy.deepcopy(METRICS)
    del wanted["prediction"]["mse"]
    for name in ("copy_last", "linear_extrapolation"):
        wanted["baselines"][name]["mse"] = 30.123457
    assert read == wanted


def test_figures_that_are_no_numbers_are_never_written(tmp_path):
    with pytest.raises(ValueError):
        write_metrics(tmp_path / "metrics.json", {"reconstruction": {"psnr": float("nan")}})
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("text", [None, "", "{", "[1]", json.dumps({"psnr": 1})],
                         ids=["missing", "empty", "cut short", "a list", "another file"])
def test_what_is_no_metrics_file_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(UserError, match="metrics.json: .*dvc repro"):
        read_metrics(tmp_path / "metrics.json")


def test_it_says_what_was_judged():
    identities = {"latents": "a" * 64, "predicted_latents": "b" * 64}
    assert made_from({"protocol": {"made_from": origin(identities)}}) == identities
    assert made_from(METRICS) == {}
