"""Figures of papers beside those of a run."""

import pytest
from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT
from pipeline.errors import UserError
from pipeline.report.page import write_report
from pipeline.report.published import PublishedTable, comparisons, read_published
from tests.report.conftest import METRICS, SCENES, SPEC
from tests.report.test_page import check, words_of

FOLDER = ROOT / "presets" / "published"
FILES = sorted(FOLDER.glob("*.yaml"))
TABLE = {
    "source": "A and B, arXiv 1234.56789, table 1", "context_frames": 4, "horizon": 2, "resolution": "40x30x3",
    "num_samples": 5, "computed": "over <all> frames",
    "figures": {"SVG": {"psnr": 21.125, "fvd": 100.0}, "PredNet": {"fvd": 200.5, "ssim": 0.25}},
}


def table(**changes) -> PublishedTable:
    return PublishedTable.model_validate(TABLE | changes)


def test_a_table_of_the_same_protocol_stands_beside_the_best_sample():
    (comparison,), others = comparisons(METRICS, [table()])
    assert comparison.columns == ["PSNR, dB", "SSIM", "FVD"] and others == []
    assert comparison.rows == [
        ("layercast", True, [(25.5, 2), (0.8, 3), (None, 1)]),
        ("SVG", False, [(21.125, 2), (None, 3), (100.0, 1)]),
        ("PredNet", False, [(None, 2), (0.25, 3), (200.5, 1)]),
    ]


def test_of_a_single_forecast_its_own_figures_do():
    metrics = METRICS | {"protocol": METRICS["protocol"] | {"num_samples": 1}}
    (comparison,), _ = comparisons(metrics, [table(num_samples=1)])
    assert comparison.rows[0][2][:2] == [(24.0, 2), (0.5, 3)]


def test_an_fvd_is_that_of_any_number_of_samples():
    metrics = METRICS | {"prediction": METRICS["prediction"] | {"fvd": 70.0}}
    (comparison,), _ = comparisons(metrics, [table(num_samples=None, figures={"SVG": {"fvd": 100}})])
    assert comparison.rows == [("layercast", True, [(70.0, 1)]), ("SVG", False, [(100, 1)])]


@pytest.mark.parametrize("key", [
    {"context_frames": 3}, {"horizon": 3}, {"resolution": "40x30x1"}, {"num_samples": 100},
])
def test_a_table_of_another_protocol_is_named_and_not_shown(tmp_path, key):
    assert comparisons(METRICS, [table(**key)])[0] == []
    words = words_of(tmp_path / "report.html", METRICS, SCENES, published=[table(**key)])
    assert "of another protocol, not shown: A and B, arXiv 1234.56789, table 1: " in words and "PredNet" not in words


def test_the_page_says_source_protocol_and_formula(tmp_path):
    words = words_of(tmp_path / "report.html", METRICS, SCENES, published=[table()])
    for wanted in (
        "4 frames given, 2 forecast, the best of 5 samples, 40x30x3 there as here. Source: A and B, arXiv 1234.56789",
        "computed there: over <all> frames", "layercast 25.50 0.800 – SVG 21.12 – 100.0 PredNet – 0.250 200.5",
    ):
        assert wanted in words, wanted


def test_without_any_the_page_is_as_it_was(page, tmp_path):
    write_report(tmp_path / "report.html", METRICS, {}, {}, SPEC, SCENES, [], published=[])
    assert "ublished" not in " ".join(check((tmp_path / "report.html").read_text()).texts)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_every_shipped_file_is_valid_and_names_its_sources(file):
    tables = read_published(FOLDER, file.stem)
    assert all("arXiv" in found.source for found in tables)
    for found in tables:
        for figures in found.figures.values():
            assert 0 < figures.get("ssim", 0.5) < 1 and 5 < figures.get("psnr", 20) < 60
            assert 0 < figures.get("lpips", 0.5) < 1


@pytest.mark.parametrize(("changes", "complaint"), [
    ({"figures": {"SVG": {"pnsr": 21.0}}}, "tables.0.figures.SVG.pnsr"),
    ({"figures": {}}, "tables.0.figures"),
    ({"resolution": "64x64"}, "tables.0.resolution"),
    ({"horizonn": 2}, "tables.0.horizonn is not a parameter"),
    ({"num_samples": None}, "tables.0: num_samples is null, which says nothing of figures other than fvd"),
])
def test_a_bad_file_is_named_with_its_key(tmp_path, changes, complaint):
    YAML().dump({"tables": [TABLE | changes]}, tmp_path / "mine.yaml")
    with pytest.raises(UserError, match=complaint) as caught:
        read_published(tmp_path, "mine")
    assert str(caught.value).startswith(f"{tmp_path / 'mine.yaml'}: ")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"report.published: .* holds no 'mine'; there are none: name one, or null"):
        read_published(tmp_path, "mine")
    with pytest.raises(UserError, match="there are bair, clevrer, "):
        read_published(FOLDER, "mine")
