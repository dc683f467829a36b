import pytest

from pipeline import progress as module
from pipeline.training.progress import TrainingProgress


def test_what_is_not_known_yet_is_not_shown(capsys):
    with TrainingProgress(2, 0, 8, visible=True) as progress:
        progress.update(2, {"loss": 0.25, "best": float("inf")})
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("step 2/2  loss 0.25  ") and "best" not in line
    assert "frames/s" in line and line.endswith("s left")


def test_a_training_that_goes_on_counts_its_rate_from_there(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    with TrainingProgress(10, 4, 8, visible=True) as progress:
        for step in range(5, 11):
            now[0] += 4
            progress.update(step, {"loss": 1 / step})
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "training: 6 steps to go"
    assert [line.split("  ")[0] for line in lines[1:]] == ["step 6/10", "step 8/10", "step 10/10"]
    assert all("  2 frames/s  " in line for line in lines[1:])
    assert [line.split("  ")[-1] for line in lines[1:]] == ["16 s left", "8 s left", "0 s left"]


@pytest.mark.parametrize("visible", [True, False])
def test_on_a_terminal_there_is_a_bar_for_the_first_process_alone(capsys, monkeypatch, visible):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    with TrainingProgress(3, 0, 8, visible) as progress:
        progress.update(3, {"loss": 0.25})
    shown = capsys.readouterr().err
    assert ("3/3 loss 0.25" in shown and "━" in shown) if visible else not shown
