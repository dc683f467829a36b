"""That the inputs are what stages read, and what further items cost; the figures are the machine's."""

import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import scale
from pipeline.frames.source import open_source
from pipeline.latents.latent_store import open_latents


def test_a_source_has_so_many_videos(tmp_path):
    folder = scale.make_videos(tmp_path / "videos", 5)
    with open_source(folder, None) as source:
        assert [video.video_id for video in source.videos] == [f"{i:07}.mp4" for i in range(5)]
    assert len({file.stat().st_ino for file in folder.iterdir()}) == 1
    assert scale.make_videos(folder, 5) == folder


def test_a_latent_store_has_so_many_clips_and_training_starts_with_it(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    latents = scale.make_latents(tmp_path / "latents.zarr", 300)
    store = open_latents(latents)
    assert len(store) == 300 and store.num_frames == scale.NUM_FRAMES
    assert 0 < len(store.rows("val")) < len(store.rows("train"))
    scale.write_params(tmp_path / "params.yaml", {"train_predictor": {"context_frames": 2, "horizon": 2}})
    with pytest.raises(SystemExit):
        scale.start_training(str(tmp_path), str(latents))
    assert not (tmp_path / "weights").exists()


def test_what_the_processes_of_a_piece_of_work_cost():
    code = "x = bytearray(50 << 20); import time; time.sleep(.3); sum(range(10**6))"
    cost = scale.measure(lambda: subprocess.run([sys.executable, "-c", code], check=True))
    assert cost["seconds"] >= 0.3 and cost["processor_seconds"] > 0 and cost["peak_mib"] > 40


def test_a_further_item_costs_what_lies_between_two_sizes():
    costs = {size: {"seconds": 1.0, "processor_seconds": 2 + size / 100, "peak_mib": 50.0} for size in (300, 100)}
    first, second = scale.per_item(costs)
    assert (first["items"], second["items"]) == (100, 300) and first["processor_ms_per_item"] is None
    assert np.isclose(second["processor_ms_per_item"], 10) and second["kib_per_item"] == 0
    console = Console(width=120, record=True)
    scale.print_table({"preprocess": [first, second]}, console)
    assert "preprocess" in console.export_text()


def test_nothing_to_measure_is_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", "set back after the test")
    result = CliRunner().invoke(scale.app, ["--most-videos=9", "--most-clips=9", f"--folder={tmp_path}"])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and "100 videos and 1000 clips" in result.stderr
