import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.report.clips import NUM_ROWS, clip_table
from pipeline.report.page import complete, write_report
from pipeline.report.scenes import Tile, Track
from tests.report.conftest import METRICS, MIX, NUM_FRAMES, SCENES, SPEC, Artefact, figures, scene

VOID = {"meta", "link", "input", "img", "br", "line", "circle", "polyline", "polygon"}
COSTS = {"encode": {"seconds": 125.0, "peak_resident_gib": 1.25, "peak_cuda_reserved_gib": 0.0}}


class Checker(HTMLParser):
    """Every tag closed in its order, no two ids alike, links that lead somewhere, nothing from elsewhere."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.sources, self.texts = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag not in VOID:
            self.open.append(tag)
        self.ids += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes["href"]] if tag == "a" else []
        self.sources += [attributes[name] for name in ("src", "srcset", "data") if name in attributes]
        self.sources += re.findall(r"url\((.*?)\)", attributes.get("style", ""))
        if attributes.get("role") == "img":
            assert attributes.get("aria-label")

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, f"{tag} at {self.getpos()}"

    def handle_data(self, data):
        self.texts.append(data)


def check(text: str) -> Checker:
    checker = Checker()
    checker.feed(text)
    checker.close()
    assert checker.open == [] and len(set(checker.ids)) == len(checker.ids)
    assert {link.removeprefix("#") for link in checker.links} <= set(checker.ids)
    assert checker.sources and all(source.startswith("data:image/webp;base64,") for source in checker.sources)
    assert not re.search(r"https?://|//cdn|@import", text)
    return checker


def test_it_is_one_whole_page_with_everything_inside(page):
    text = page.read_text()
    words = " ".join(" ".join(check(text).texts).split())
    for wanted in ("24.0 dB", "24.00 ± 0.62", "half of the samples 0.41 0.50", "22.00",
                   "25.50", "best of 5 samples", "0.71", "60 sequences <of> 20 frames",
                   "num_slots 4", "aaaaaaaaaaaa", "object_px 16", "time varying", "-0.10", "prediction.psnr_by_step",
                   "decomposition.fg_ari –",
                   "clip 3",
                   "pose where the object in a slot is 4 x 6 per frame "
                   "line: x, y; damped: log_scale, log_aspect, angle; held: visibility"):
        assert wanted in words, wanted
    assert text.count('class="scene"') == len(SCENES) and text.count("<svg class=\"chart\"") == 5


def test_it_says_what_a_forecast_is_mixed_from(page, tmp_path):
    words = " ".join(" ".join(check(page.read_text()).texts).split())
    assert "Where a cut-out and an object of the layers lie" in words and "median of the given frames" in words
    write_report(tmp_path / "report.html", METRICS, {}, {}, SPEC, SCENES, [])
    words = " ".join(" ".join(check((tmp_path / "report.html").read_text()).texts).split())
    assert "drawn from the layers alone" in words and "cut-out" not in words


def test_the_same_inputs_give_the_same_bytes(page, tmp_path):
    architecture = {"num_slots": 4, "object_px": 16}
    write_report(tmp_path / "again.html", METRICS, {"latents": Artefact()}, architecture, SPEC, SCENES, MIX)
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_it_never_grows_over_its_limit(tmp_path):
    path, scenes = tmp_path / "report.html", [scene("forecast", i, side=160) for i in range(12)]
    write_report(path, METRICS, {}, {}, SPEC, scenes, [], most_bytes=2**20)
    assert 2**18 < path.stat().st_size < 2**20
    shown = path.read_text().count('class="scene"')
    assert 0 < shown < 12 and f"{12 - shown} more scenes" in path.read_text()


def test_without_truth_scenes_and_samples_it_is_still_a_page(tmp_path):
    metrics = {name: section for name, section in METRICS.items() if name not in ("decomposition", "disentanglement")}
    for name in ("prediction", "baselines"):
        sections = metrics[name] if name == "baselines" else {"": metrics[name]}
        known = {"position_error", "calibration"}
        cut = {who: {n: v for n, v in figures.items() if n not in known} for who, figures in sections.items()}
        metrics[name] = cut if name == "baselines" else cut[""]
    write_report(tmp_path / "report.html", metrics, {}, {}, SPEC, [scene("layers")], [])
    assert "position error" not in " ".join(check((tmp_path / "report.html").read_text()).texts)


def words_of(path, metrics: dict, scenes: list, **options) -> str:
    write_report(path, metrics, {}, {}, SPEC, scenes, [], **options)
    return " ".join(" ".join(check(path.read_text()).texts).split())


def test_nothing_is_said_of_true_objects_where_none_are_known(tmp_path):
    """Nor is there a column of what is wanted without anything in it."""
    page = tmp_path / "report.html"
    metrics = METRICS | {"prediction": METRICS["prediction"] | {"diversity": {"position": 1.5, "psnr": 30.0}}}
    true = replace(scene("forecast"), tiles=[Tile("truth", scene("forecast").tiles[0].frames, tracks=(
        Track(np.zeros((NUM_FRAMES, 2)), "white", dashed=True),))])
    known, unknown = words_of(page, metrics, [true]), words_of(page, metrics, [scene("forecast")])
    said = ("white and dashed where they truly went", "white dashed lines where they were")
    assert [known.count(text) for text in said] == [1, 1] and not any(text in unknown for text in said)
    prediction = {name: value for name, value in metrics["prediction"].items() if name != "calibration"}
    without = words_of(page, metrics | {"prediction": prediction}, [scene("layers")])
    assert "figure wanted truth between" in known and "figure distance of an object" in without


def test_the_mean_picture_has_figures_of_its_own_beside_the_samples(tmp_path):
    metrics = METRICS | {"prediction": METRICS["prediction"] | {"mean_picture": figures(24.75)}}
    rows = [{"video_id": "v", "first_frame": 5, "psnr": 20.0, "mean_picture_psnr": 21.25, "copy_last_psnr": 19.0}]
    words = words_of(tmp_path / "report.html", metrics, [scene("layers")], clips=rows)
    assert "mean of 5 samples as one picture 24.75" in words and "v from frame 5 20.00 21.25 19.00" in words


def test_of_many_clips_the_worst_and_the_best_are_shown(tmp_path):
    rows = [{"video_id": f"<v{i}>", "first_frame": 5, "psnr": 20.0 + i, "psnr_moving": None, "copy_last_psnr": 21.5,
             "objects": i, "motion": 0.125} for i in range(50)]
    assert clip_table(rows).num_left_out == 10 and not clip_table(rows[:NUM_ROWS]).num_left_out
    write_report(tmp_path / "report.html", METRICS, {}, {}, SPEC, [scene("layers")], [], clips=rows,
                 warnings=["look at <object_px>"])
    words = " ".join(" ".join(check((tmp_path / "report.html").read_text()).texts).split())
    assert "<v1> from frame 5 (behind) 21.00 – 21.50 1 12.5 <v2> from frame 5 22.00" in words
    assert "<v49> from frame 5 69.00" in words and "<v25> from" not in words and "10 clips between" in words
    assert "Look at this first look at <object_px>" in words


def test_what_moves_has_a_figure_of_its_own(tmp_path):
    metrics = METRICS | {"prediction": METRICS["prediction"] | {"psnr_moving": 18.25}}
    write_report(tmp_path / "report.html", metrics, {}, {}, SPEC, [scene("layers")], [])
    words = " ".join(" ".join(check((tmp_path / "report.html").read_text()).texts).split())
    assert "24.0 dB , 18.2 where it moves" in words and "PSNR of what moves, dB" in words


def test_it_is_completed_with_parameters_and_cost(page, tmp_path):
    completed = complete(page, "seed: 0  # <decides>", COSTS)
    words = " ".join(check(completed).texts)
    assert "seed: 0  # <decides>" in words and "2 min 05 s" in words and "1.25" in words
    assert "What it cost" not in complete(page, "", {})


@pytest.mark.parametrize("text", [None, "<html></html>"])
def test_another_page_is_not_completed(tmp_path, text):
    if text:
        (tmp_path / "report.html").write_text(text)
    with pytest.raises(UserError, match="report.html: .*dvc repro"):
        complete(tmp_path / "report.html", "", {})
