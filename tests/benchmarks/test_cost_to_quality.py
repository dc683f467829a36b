"""The parts of the comparison; the whole takes minutes."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from benchmarks import cost_to_quality, peers
from benchmarks.convlstm import ConvLSTMForecaster, convlstm_loss
from benchmarks.cost_to_quality import SHARES, print_table, subset, write
from benchmarks.peers import BATCH_SIZE, CONTEXT_FRAMES, HORIZON, METHODS, Point, judge, read_test_clips, train_peer
from pipeline.errors import UserError
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


def write_splits(store, folder):
    """What preprocess makes, of two sequences each."""
    for name, split in (("frames", "train"), ("test_frames", "test")):
        frames = store.read(slice(0, 2))
        writer = FrameStoreWriter(folder / f"{name}.zarr", 2, frames.shape[1:], fps=5, crop="none", source="s" * 64,
                                  num_objects=None)
        for n in range(2):
            writer.append(frames[n], {}, video_id=f"{split}{n}", first_frame=0, split=split)
        writer.finish()


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


def test_a_predictor_trains_for_its_time_and_is_judged_on_the_way(store, tmp_path, monkeypatch):
    """In two goes as in one."""
    build = lambda height, width: ConvLSTMForecaster(hidden_dim=8, num_layers=1, kernel=3)  # noqa: E731
    monkeypatch.setitem(METHODS, "ConvLSTM", (build, convlstm_loss, 1e-2))
    moments = iter(range(10**6))
    monkeypatch.setattr(peers, "seconds", lambda: float(next(moments)))  # every step takes one second
    frames, budgets = store.read(slice(0, 2)), [share * 20 for share in SHARES]
    train = partial(train_peer, "ConvLSTM", seed=0, store=store, context=frames[:, :CONTEXT_FRAMES],
                    target=frames[:, CONTEXT_FRAMES:])
    points = list(train(budgets, state=tmp_path / "one.pt"))
    assert [point.steps for point in points] == [str(round(share * 20)) for share in SHARES]
    assert [point.hours for point in points] == [share * 20 / 3600 for share in SHARES]
    assert points[1].psnr > points[0].psnr > 0 and points[0].gib > 0.1
    resumed = [*train(budgets[:1], state=tmp_path / "two.pt"), *train(budgets[1:], state=tmp_path / "two.pt")]
    assert [replace(point, gib=0) for point in resumed] == [replace(point, gib=0) for point in points]
    afresh = list(train(budgets, state=tmp_path / "two.pt"))
    assert [replace(point, gib=0) for point in afresh] == [replace(point, gib=0) for point in points]


def test_points_of_a_process_come_as_they_are_made_and_its_failure_is_told(store, tmp_path):
    write_splits(store, tmp_path)
    points = list(peers.train_apart("SimVP", [0.0, 0.1], 0, tmp_path))
    assert points[0].steps == "0" and points[1].hours > 0
    assert (tmp_path / "SimVP_0.pt").exists()
    with pytest.raises(UserError, match="training SVG-LP failed"):
        list(peers.train_apart("SVG-LP", [0.0], 0, tmp_path / "none"))


def test_seconds_are_those_of_this_process_and_its_children(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    before = peers.seconds()
    while peers.seconds() < before + 0.05:
        pass
    assert BATCH_SIZE > 1


LINES = {"copy last": {"psnr": 20.0, "ssim": 0.8}, "flow": {"psnr": 21.0, "ssim": 0.8},
         "stack": {"psnr": 22.0, "ssim": 0.9}}


def test_points_and_lines_are_written_and_drawn(tmp_path):
    points = [
        Point("layercast", seed, "1 + 2", 0.1 * hours, 0.5, 30 + hours, 0.9) for seed in (0, 1) for hours in (1, 2)
    ]
    write(points, LINES, tmp_path / "new" / "out.of")
    document = json.loads((tmp_path / "new" / "out.of.json").read_text())
    assert [Point(**point) for point in document["points"]] == points and document["lines"] == LINES
    assert (tmp_path / "new" / "out.of.png").stat().st_size > 5000
    console = Console(width=160, record=True)
    print_table("traffic", points, LINES, console)
    text = console.export_text()
    assert "copy last: 20.00 dB, 0.800" in text and " 12.00 " in text  # minutes


def test_what_needs_no_training_is_judged_on_clips_of_a_bar(store):
    frames = store.read(slice(0, 2))
    lines = cost_to_quality.untrained(frames[:, :CONTEXT_FRAMES], frames[:, CONTEXT_FRAMES:], frames)
    assert list(lines) == list(LINES)
    still = np.repeat(frames[:, None, CONTEXT_FRAMES - 1:CONTEXT_FRAMES], HORIZON, 2)
    assert lines["copy last"] == judge(still, frames[:, CONTEXT_FRAMES:])


def test_a_real_set_trains_what_is_not_there_yet(store, tmp_path, monkeypatch):
    """Predictors once for all budgets, layercast anew with its steps times what the budget is to the first."""
    ran, folder = [], tmp_path / "out" / "traffic"

    def preprocess(source, reading, own, stages):
        assert stages == ["preprocess"]
        if not own.exists():
            write_splits(store, own)

    def layercast(own, frames, shipped, share, seed, target):
        assert (frames, shipped) == (folder, folder / "params.yaml") and target.shape[1] == HORIZON
        ran.append((own.name, share))
        return Point("layercast", 0, "1 + 2", share, 0.5, 30.0, 0.9), 1.0

    def train_apart(method, budgets, seed, frames):
        ran.append((method, budgets))
        return [Point(method, 0, "1", budget, 0.5, 29.0, 0.9) for budget in budgets]

    monkeypatch.setattr(cost_to_quality, "run_set", preprocess)
    monkeypatch.setattr(cost_to_quality, "layercast", layercast)
    monkeypatch.setattr(cost_to_quality, "train_apart", train_apart)
    cost_to_quality.on_real_set(tmp_path, {}, folder, [2.0], ["layercast"])
    points, lines = cost_to_quality.on_real_set(tmp_path, {}, folder, [2.0, 6.0], ["layercast", "SimVP"])
    assert ran == [("layercast_2", 1.0), ("layercast_6", 3.0), ("SimVP", [120.0, 360.0])]
    assert len(points) == 4 and list(lines) == list(LINES)
    assert cost_to_quality.on_real_set(tmp_path, {}, folder, [2.0, 6.0], ["layercast", "SimVP"]) == (points, lines)
    assert len(ran) == 3


def test_test_clips_are_cut_into_what_is_given_and_what_follows(store, tmp_path):
    some = subset(store, tmp_path / "some.zarr", {"train": 1})
    with pytest.raises(UserError, match="wanted test sequences"):
        read_test_clips(some)


@pytest.mark.parametrize("arguments, message", [
    (["--methods=SimVQ"], "wanted of layercast, SimVP"), (["--minutes=3", "--minutes=1"], "wanted positive"),
])
def test_what_cannot_be_run_is_one_line(arguments, message):
    result = CliRunner().invoke(cost_to_quality.app, arguments)
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and message in result.stderr
