"""The page of `dvc plots diff`: both revisions on a laptop's screen, and curves without a network."""

import csv
import shutil
from pathlib import Path

import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline.dependencies.imports import ROOT
from tests.pipeline.conftest import Workspace
from tests.pipeline.dvc_stages import YAML_1_2
from tests.report.browser import EXECUTABLE, headless_browser

PSNR, SSIM = "psnr by forecast step", "ssim by forecast step"
LAPTOP, PHONE = 1366, 400
"""px"""


def write_results(folder: Path, psnr: float, color: str) -> None:
    """Made-up outputs with the names and sizes of real ones."""
    names = ("prediction", "copy_last", "flow", "linear_extrapolation")
    for curve in ("psnr", "ssim"):
        path = folder / f"data/evaluation/curves/{curve}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["step", *names])
            writer.writerows([step, *(psnr - step - i for i in range(len(names)))] for step in range(1, 11))
    (folder / "data/evaluation/curves/occupancy.csv").write_text("forecast,came_true\n0.25,0.5\n0.75,1.0\n")
    for stage in ("train_autoencoder", "train_predictor"):
        for part in ("train", "validation"):
            path = folder / f"data/curves/{stage}/plots/metrics/{part}/loss.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("step\tloss\n1\t0.5\n2\t0.25\n")
    (folder / "data/evaluation/sheets").mkdir(exist_ok=True)
    Image.new("RGB", (1664, 1124), color).save(folder / "data/evaluation/sheets/layers_0000.png")


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Path:
    """What the command writes of two revisions, with the repository's own plots and settings."""
    workspace = Workspace(tmp_path_factory.mktemp("plots") / "layercast")
    folder = workspace.root
    folder.mkdir()
    shutil.copytree(ROOT / ".dvc", folder / ".dvc", ignore=shutil.ignore_patterns("tmp", "cache", "config.local"))
    YAML().dump({"plots": YAML_1_2.load((ROOT / "dvc.yaml").read_text())["plots"]}, folder / "dvc.yaml")
    workspace.run("git", "init", "-q")
    for psnr, color in ((30.0, "red"), (35.0, "green")):
        write_results(folder, psnr, color)
        workspace.commit()
    workspace.dvc("plots", "diff", "HEAD~1", "HEAD")
    return folder / "dvc_plots/index.html"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if EXECUTABLE is None:
        pytest.skip("no Chromium")
    with headless_browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def test_nothing_is_asked_of_the_network(page):
    assert "src=\"http" not in page.read_text() and "href=\"http" not in page.read_text()


def test_both_revisions_are_on_the_screen_side_by_side(page, browser):
    browser.open(page, LAPTOP)
    boxes = browser.run("[...document.images].map(image => image.getBoundingClientRect().toJSON())")
    assert len(boxes) == 2 and not browser.complaints
    assert all(0 <= box["left"] and box["right"] <= LAPTOP and box["width"] > 500 for box in boxes)
    assert boxes[0]["top"] == boxes[1]["top"]
    assert browser.run("document.documentElement.scrollWidth") <= LAPTOP


def test_they_are_one_below_the_other_where_there_is_no_room(page, browser):
    browser.open(page, PHONE)
    boxes = browser.run("[...document.images].map(image => image.getBoundingClientRect().toJSON())")
    assert boxes[0]["bottom"] <= boxes[1]["top"] and all(box["right"] <= PHONE for box in boxes)
    assert browser.run("document.documentElement.scrollWidth") <= PHONE


def test_every_curve_of_both_revisions_is_drawn_without_a_network(page, browser):
    browser.open(page, LAPTOP)
    assert [url for url in browser.requests if not url.startswith("file:")] == []
    charts = browser.run("""[...document.querySelectorAll(".curves")].map(chart => [
        chart.querySelector("h2").textContent, [...chart.querySelectorAll("li")].map(name => name.textContent.trim()),
        [...chart.querySelectorAll("circle title")].map(title => title.textContent)])""")
    names = {title: names for title, names, _ in charts}
    assert len(names[PSNR]) == len(names[SSIM]) == 8 and len(names) == 5
    assert {"HEAD: prediction", "HEAD~1: prediction", "HEAD: flow"} <= set(names[PSNR])
    ends = {title: ends for title, _, ends in charts}[PSNR]
    assert "HEAD~1: prediction: 20" in ends and "HEAD: copy_last: 24" in ends
    colors = browser.run(f"""(chart => [...chart.querySelectorAll("circle")].map(dot => dot.getAttribute("fill")))(
        [...document.querySelectorAll(".curves")].find(chart => chart.textContent.includes("{PSNR}")))""")
    assert len(set(colors)) == 2  # a colour for each revision
