import re
from itertools import pairwise

import pytest

from pipeline import progress as module
from pipeline.progress import progress


def test_without_a_terminal_first_and_last_state_are_lines(capsys):
    with progress("decoding", 1200, "frames") as advance:
        advance()
        advance(1199)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "decoding: 1,200 frames" and last.startswith("decoding: 1,200 frames in ")


@pytest.mark.parametrize(("total", "count", "wanted"), [
    (4, 1, "decoding: 1 of 4, 30 s left, 10.0 s each"), (None, 1, "decoding: 1, 10.0 s each"),
    (100, 25, "decoding: 25 of 100, 30 s left, 2.5/s"), (None, 0, "decoding: 0, 0.0/s"),
])
def test_lines_come_every_few_seconds_with_rate_and_time_left(capsys, monkeypatch, total, count, wanted):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("decoding", total, "frames") as advance:
        now[0] = 10.0
        advance(count)
        advance()
        now[0] = 10.1
        advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == wanted and len(lines) == 3


def test_the_longer_it_takes_the_rarer_the_lines(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("decoding", 600, "frames") as advance:
        for _ in range(600):
            now[0] += 1
            advance()
    at = [int(line.split()[1]) for line in capsys.readouterr().err.splitlines()[1:-1]]
    waits = [after - before for before, after in pairwise([0, *at])]
    assert waits == sorted(waits) and waits[0] == 5 and waits[-1] == 12 and len(waits) < 60


def test_no_color_takes_the_colors_off_the_bar(capsys, monkeypatch):
    colors = re.compile(r"\x1b\[[0-9;]*?\b(3[0-8]|9[0-7])[0-9;]*m")
    shown = []
    monkeypatch.setenv("FORCE_COLOR", "1")
    for no_color in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_color)
        with progress("decoding", 3, "frames") as advance:
            advance(3)
        shown.append(capsys.readouterr().err)
    assert colors.search(shown[0]) and not colors.search(shown[1]) and "3/3" in shown[1]


def test_on_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("decoding", 3, "frames") as advance:
        advance(3)
    shown = capsys.readouterr().err
    assert "3/3" in shown and "frames, " in shown and "━" in shown
