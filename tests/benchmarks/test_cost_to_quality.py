"""The parts of the comparison; the whole takes minutes."""

import json

import numpy as np
import pytest
import torch

from benchmarks import cost_to_quality
from benchmarks.convlstm import ConvLSTMForecaster, convlstm_loss
from benchmarks.cost_to_quality import BATCH_SIZE, CONTEXT_FRAMES, HORIZON, SHARES, Point, end_to_end, judge, subset
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter

SIDE = 16


@pytest.fixture
def store(tmp_path):
    """Three sequences to learn from, one to validate on, of a bar that moves down."""
    frames = np.zeros((CONTEXT_FRAMES + HORIZON, SIDE, SIDE, 3), np.uint8)
    for t, frame in enumerate(frames):
        frame[t % SIDE] = 255
    writer = FrameStoreWriter(
        tmp_path / "all.zarr", 4, frames.shape, fps=5, crop="none", source="s" * 64, num_objects=None,
    )
    for n in range(4):
        writer.append(np.roll(frames, n, 1), {}, video_id=f"v{n}", first_frame=n, split="val" if n == 1 else "train")
    writer.finish()
    return open_frames(tmp_path / "all.zarr")


def test_a_subset_holds_the_first_rows_of_each_split(store, tmp_path):
    some = subset(store, tmp_path / "some.zarr", {"train": 2, "val": 5})
    assert list(zip(some.video_id, some.split, strict=True)) == [("v0", "train"), ("v2", "train"), ("v1", "val")]
    assert np.array_equal(some.read(slice(None)), store.read(np.array([0, 2, 1])))


def test_figures_are_means_over_clips_samples_and_frames():
    target = np.full((2, 3, SIDE, SIDE, 3), 100, np.uint8)
    prediction = np.stack([target + 10, target + 20], 1)
    expected = np.mean([20 * np.log10(255 / 10), 20 * np.log10(255 / 20)])
    assert judge(prediction, target)["psnr"] == pytest.approx(expected, abs=1e-3)
    assert judge(target[:, None], target) == {"psnr": 100.0, "ssim": pytest.approx(1.0)}


def test_a_predictor_trains_for_its_time_and_is_judged_on_the_way(store, monkeypatch):
    build = lambda resolution: ConvLSTMForecaster(hidden_dim=8, num_layers=1, kernel=3)  # noqa: E731
    monkeypatch.setitem(cost_to_quality.METHODS, "ConvLSTM", (build, convlstm_loss, 1e-2))
    moments = iter(range(10**6))
    monkeypatch.setattr(cost_to_quality, "seconds", lambda: float(next(moments)))  # every step takes one second
    frames = store.read(slice(0, 2))
    points = end_to_end("ConvLSTM", 20, 0, store, frames[:, :CONTEXT_FRAMES], frames[:, CONTEXT_FRAMES:])
    assert [point.steps for point in points] == [str(round(share * 20)) for share in SHARES]
    assert [point.hours for point in points] == [share * 20 / 3600 for share in SHARES]
    assert points[1].psnr > points[0].psnr > 0 and points[0].gib > 0.1


def test_seconds_are_those_of_this_process_and_its_children(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = cost_to_quality.seconds()
    while cost_to_quality.seconds() < before + 0.05:
        pass
    assert BATCH_SIZE > 1


def test_points_are_written_and_drawn(tmp_path):
    points = [
        Point("layercast", seed, "1 + 2", 0.1 * hours, 0.5, 30 + hours, 0.9) for seed in (0, 1) for hours in (1, 2)
    ]
    cost_to_quality._write(points, {"psnr": 20.0, "ssim": 0.8}, tmp_path / "out")
    document = json.loads((tmp_path / "out.json").read_text())
    assert [Point(**point) for point in document["points"]] == points and document["copy_last"]["psnr"] == 20
    assert (tmp_path / "out.png").stat().st_size > 5000
