import pytest

from pipeline import progress as module
from pipeline.progress import progress


def test_without_a_terminal_first_and_last_state_are_lines(capsys):
    with progress("decoding", 1200, "frames") as advance:
        advance()
        advance(1199)
    first, last = capsys.readouterr().err.splitlines()
    assert first == "decoding: 1,200 frames" and last.startswith("decoding: 1,200 frames in ")


@pytest.mark.parametrize(("total", "wanted"), [(4, "decoding: 1 of 4, 30 s left, 0.1/s"), (None, "decoding: 1, 0.1/s")])
def test_lines_come_every_few_seconds_with_rate_and_time_left(capsys, monkeypatch, total, wanted):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with progress("decoding", total, "frames") as advance:
        now[0] = 10.0
        advance()
        advance()
        now[0] = 10.1
        advance()
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == wanted and len(lines) == 3


def test_on_a_terminal_there_is_a_bar(capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with progress("decoding", 3, "frames") as advance:
        advance(3)
    shown = capsys.readouterr().err
    assert "3/3" in shown and "frames, " in shown and "━" in shown
