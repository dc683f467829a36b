from pipeline.training.progress import TrainingProgress


def test_what_is_not_known_yet_is_not_shown(capsys):
    with TrainingProgress(2, 0, 8, visible=True) as progress:
        progress.update(2, {"loss": 0.25, "best": float("inf")})
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("step 2/2  loss 0.25  ") and "best" not in line and "frames/s" in line and line.endswith("s left")
