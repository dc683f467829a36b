from xml.etree import ElementTree

import pytest

from pipeline.report.charts import Line, line_chart


def parts(lines, name: str) -> list[dict]:
    chart = ElementTree.fromstring(line_chart(lines, "forecast step", "psnr, <dB>"))
    return [element.attrib | {"text": element.text} for element in chart.iter(name)]


def test_curves_lie_where_their_values_are_on_the_axis():
    lines = [Line("ours", [30.0, 20.0]), Line("other", [25.0, 20.0])]
    ticks = {float(tick["text"]): float(tick["y"]) - 4 for tick in parts(lines, "text")
             if tick["class"] == "tick" and tick["text-anchor"] == "end"}
    assert min(ticks) <= 20 and max(ticks) >= 30
    dots = {dot["class"]: float(dot["cy"]) for dot in parts(lines[:1], "circle")}
    heights = [float(dot["cy"]) for dot in parts(lines, "circle")][-2:]
    assert heights == pytest.approx([ticks[30], ticks[20]], abs=0.1) and dots


def test_what_is_not_known_is_left_out():
    assert len(parts([Line("ours", [1.0, None, 3.0])], "circle")) == 2
    assert parts([Line("ours", [None])], "circle") == []


def test_margins_are_a_band():
    polygon, = parts([Line("ours", [1.0, 2.0], [0.5, 0.5])], "polygon")
    assert len(polygon["points"].split()) == 4


@pytest.mark.parametrize("values", [[0.0], [5.0, 5.0], [1e-7, 2e-7], [-3.0, 4000.0]])
def test_any_range_has_a_few_round_ticks(values):
    ticks = [tick for tick in parts([Line("ours", values)], "text") if tick.get("text-anchor") == "end"]
    assert 2 <= len(ticks) <= 7 and len({tick["text"] for tick in ticks}) == len(ticks)


def test_it_says_in_words_what_it_shows():
    chart = ElementTree.fromstring(line_chart([Line("ours", [30.0, 20.0])], "forecast step", "psnr, <dB>"))
    assert chart.attrib["aria-label"] == "psnr, <dB> by forecast step: ours from 30 to 20"
