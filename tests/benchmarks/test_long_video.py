"""That the video is as long as it says and changes; the figures are the machine's."""

import json

import cv2
import numpy as np
from ruamel.yaml import YAML
from typer.testing import CliRunner

from benchmarks import long_video
from benchmarks.stage_runs import OUTPUTS, file_name


def test_a_video_is_so_long_and_something_moves_in_it(tmp_path):
    path = long_video.make_video(tmp_path / "new" / "short.mp4", 0.1)
    video = cv2.VideoCapture(str(path))
    assert (video.get(cv2.CAP_PROP_FRAME_COUNT), video.get(cv2.CAP_PROP_FPS)) == (60, 10)
    assert [file.name for file in path.parent.iterdir()] == ["short.mp4"]
    first, *_, last = long_video.frames(40)
    assert first.shape == (480, 640, 3) and (np.abs(first.astype(int) - last).max(-1) > 30).mean() > 0.01
    assert last.mean() > first.mean() + 1  # the light


def test_every_length_goes_through_all_stages_once(tmp_path, monkeypatch):
    ran = []

    def run_stage(stage, params, folder):
        reading = YAML(typ="safe", pure=True).load(params)["preprocess"]
        assert (reading["height"], reading["fps"]) == (128, 2)
        ran.append((stage, folder.name))
        for output in OUTPUTS[stage]:
            (folder / file_name(output)).mkdir(parents=True)
        (folder / "cost").mkdir(exist_ok=True)
        (folder / "cost" / f"{stage}.json").write_text(json.dumps({"seconds": 3.0, "peak_resident_gib": 0.5}))

    monkeypatch.setattr(long_video, "run_stage", run_stage)
    monkeypatch.setattr(long_video, "make_video", lambda path, minutes: path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", "set back after the test")
    arguments = ["--minutes=2", "--minutes=1", "--fps=2", f"--folder={tmp_path}"]
    text = CliRunner().invoke(long_video.app, arguments, catch_exceptions=False).stdout
    assert ran == [(stage, f"{minutes}_minutes_2_fps") for minutes in (1, 2) for stage in OUTPUTS]
    assert "1 minutes" in text and "0.50 (3)" in text
    again = json.loads(CliRunner().invoke(long_video.app, [*arguments, "--json"], catch_exceptions=False).stdout)
    assert len(ran) == 2 * len(OUTPUTS) and again["2"]["encode"] == {"seconds": 3.0, "peak_resident_gib": 0.5}


def test_no_length_is_one_line(tmp_path):
    result = CliRunner().invoke(long_video.app, ["--minutes=0", f"--folder={tmp_path}"])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and "wanted more than 0" in result.stderr
