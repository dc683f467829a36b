"""Tracks in the pixels and frames of source videos, read back by those who will."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from pipeline.frames.about_source import about_source
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.frame_store import SOURCE_GROUPS
from pipeline.frames.read_video import probe, read_frames
from pipeline.frames.source_video import SourceVideo
from pipeline.frames.write_video import write_video
from pipeline.tracks_export.table import COLUMNS
from stages.inspect import app
from tests.tracks_export.made import ABOUT, codes, save_weights, write_futures, write_latents

BOX = ["left", "top", "width", "height"]


def run(*arguments) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.output


def refused(*arguments) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.output
    return result.stderr


def table(path: Path) -> pandas.DataFrame:
    found = pandas.read_csv(path)
    assert tuple(found.columns) == COLUMNS
    return found


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "autoencoder.safetensors"
    save_weights(path, height=32, width=48)
    return path


def decoded(segmentation: dict) -> np.ndarray:
    """A mask, bool [height, width], by pycocotools' rules: runs of 0, 1, 0, ... down the columns, in uint32, all of the
    picture; none of them empty but the first."""
    (height, width), counts = segmentation["size"], segmentation["counts"]
    assert all(type(count) is int and 0 <= count < 2**32 for count in counts) and all(counts[1:])
    assert sum(counts) == height * width
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T


WIDTH, HEIGHT, FPS = 101, 75, 30
SIDES = (24, 15)
"""Width and height, px, of the rectangle that moves through the video."""


@pytest.mark.parametrize(("crop", "shown"), [("center", (16, 10)), ("none", (16, 9))])
def test_crop_resize_rate_and_offset_are_undone(tmp_path, crop, shown):
    """Places are measured in the pixels of frames that were really cropped, squeezed and resampled."""
    corner = np.array([[7 + t, 12 + t // 2] for t in range(60)])
    frames = np.zeros((60, HEIGHT, WIDTH, 3), np.uint8)
    for frame, (x, y) in zip(frames, corner, strict=True):
        frame[y:y + SIDES[1], x:x + SIDES[0]] = 255
    write_video(tmp_path / "a.mkv", frames, FPS, lossless=True)
    form = FrameFormat(height=32, width=48, crop=crop, color="rgb", fps=12, fps_if_unknown=10)
    video = SourceVideo("a.mkv", "file", tmp_path / "a.mkv")
    info = probe(video, form)
    indices, pictures = zip(*read_frames(video, form, info), strict=True)
    light = np.stack(pictures).mean(-1)[4:16]  # the sequence begins at frame 4
    weight = light / light.sum((1, 2), keepdims=True)
    x, y = (weight.sum(axis) @ (np.arange(size) + 0.5) for axis, size in ((1, 48), (2, 32)))
    place = np.stack([x, y], -1)
    save_weights(tmp_path / "weights", height=32, width=48, shown=shown)
    log_scale = float(np.log(SIDES[0] * 48 / WIDTH / 16))
    latents = codes(np.repeat(place[None, :, None], 2, 2), log_scale=log_scale, present=1)
    store = write_latents(tmp_path / "latents.zarr", tmp_path / "weights", latents, [("a.mkv", 4)], fps=12.0,
                          about=about_source([video], [info], form))
    run(store, "--export", tmp_path / "tracks.csv", "--autoencoder", tmp_path / "weights")
    found = table(tmp_path / "tracks.csv")
    assert found.frame.tolist() == [*indices[4:16]] and set(found.sequence) == {4} and set(found.id) == {1}
    assert np.allclose(found.time, (4 + np.arange(12)) / 12, atol=1e-4)
    at = corner[found.frame]
    np.testing.assert_allclose(found[["x", "y"]], at + np.array(SIDES) / 2, atol=0.5)
    np.testing.assert_allclose(found[BOX], np.concatenate([at, np.broadcast_to(SIDES, at.shape)], 1), atol=1)
    np.testing.assert_allclose(found.scale_x, SIDES[0] / 16, rtol=0.01)
    assert not found.angle.any() and (found.kind == "observed").all() and found["sample"].isna().all()
    run(store, "--export", tmp_path / "tracks.txt", "--autoencoder", tmp_path / "weights")
    lines = np.loadtxt(tmp_path / "tracks.txt", delimiter=",")
    np.testing.assert_array_equal(lines[:, :2], found[["frame", "id"]] + [1, 0])
    np.testing.assert_allclose(lines[:, 2:6], found[BOX] + [1, 1, 0, 0])
    assert (lines[:, 6] == 1).all() and (lines[:, 7:] == -1).all() and lines.shape[1] == 10


def moving(num_clips: int, num_frames: int, start: int = 0) -> np.ndarray:
    """Places [B, T, 2, 2] px: one object goes right above, one left below."""
    x = 10 + np.arange(start, start + num_frames)
    one = np.stack([np.stack([x, np.full_like(x, 9)], -1), np.stack([48 - x, np.full_like(x, 24)], -1)], 1)
    return np.repeat(one[None].astype(np.float32), num_clips, 0)


def test_overlapping_sequences_show_a_frame_once_in_coco_and_mot(tmp_path, weights):
    """The second sequence has the slots in the other order; the table has both, under one number."""
    place = np.concatenate([moving(1, 6), moving(1, 6, start=3)[:, :, ::-1], moving(1, 6)])
    names = [("a.mkv", 0), ("a.mkv", 3), ("b/c.mkv", 7)]
    store = write_latents(tmp_path / "latents.zarr", weights, codes(place), names)
    options = ("--autoencoder", weights)
    run(store, "--export", tmp_path / "t.csv", *options)
    found = table(tmp_path / "t.csv")
    assert len(found) == 3 * 6 * 2
    both = found[found.video == "a.mkv"].groupby(["frame", "id"])
    assert both.size().sum() == 24 and both.size().max() == 2 and set(found.id) == {1, 2}
    assert (both.x.max() - both.x.min()).max() == 0 and (both.slot.nunique() == both.sequence.nunique()).all()
    text = run(store, "--export", tmp_path / "t.txt", *options)
    assert "2 files" in text and sorted(file.name for file in (tmp_path / "t").rglob("*.txt")) == ["a.txt", "c.txt"]
    lines = np.loadtxt(tmp_path / "t/a.txt", delimiter=",")
    assert len(lines) == 9 * 2 and set(lines[:, 0]) == {*range(1, 10)}
    assert np.loadtxt(tmp_path / "t/b/c.txt", delimiter=",")[0, 0] == 8
    run(store, "--export", tmp_path / "t.json", *options)
    coco = json.loads((tmp_path / "t.json").read_text())
    assert [video["name"] for video in coco["videos"]] == ["a.mkv", "b/c.mkv"]
    assert [image["id"] for image in coco["images"]] == list(range(1, 9 + 6 + 1))
    assert coco["images"][-1]["file_name"] == "b/c.mkv/000012.png" and coco["images"][-1]["video_id"] == 2
    frame_of = {image["id"]: (image["video_id"], image["frame_index"]) for image in coco["images"]}
    assert len(set(frame_of.values())) == 15 and len(coco["annotations"]) == 15 * 2
    assert len({annotation["id"] for annotation in coco["annotations"]}) == 30
    names = {video["id"]: video["name"] for video in coco["videos"]}
    boxes = {(row.video, row.frame, row.id): [row.left, row.top, row.width, row.height]
             for row in found.itertuples()}
    for annotation in coco["annotations"]:
        mask, (video, frame) = decoded(annotation["segmentation"]), frame_of[annotation["image_id"]]
        columns, rows = (np.flatnonzero(mask.any(axis)) for axis in (0, 1))
        box = [columns[0], rows[0], np.ptp(columns) + 1, np.ptp(rows) + 1]
        assert mask.shape == (64, 96) and mask.sum() == annotation["area"] and annotation["bbox"] == box
        assert boxes[names[video], frame, annotation["track_id"]] == box
        assert annotation["category_id"] == coco["categories"][0]["id"] and annotation["iscrowd"] == 0


@pytest.mark.parametrize("gaps, numbers", [([], {1, 2}), ([[6, 60.0]], {1, 2, 3, 4})])
def test_numbers_go_on_in_the_next_sequence_unless_the_clock_leaps(tmp_path, weights, gaps, numbers):
    place = np.concatenate([moving(1, 6), moving(1, 6, start=6)[:, :, ::-1]])
    group = {"height": 64, "width": 96, "fps": 10.0, "stored_fps": 10.0, "gaps": gaps}
    store = write_latents(tmp_path / "latents.zarr", weights, codes(place), [("a.mkv", 0), ("a.mkv", 6)],
                          about=ABOUT | {SOURCE_GROUPS: json.dumps([group])})
    run(store, "--export", tmp_path / "t.csv", "--autoencoder", weights)
    assert set(table(tmp_path / "t.csv").id) == numbers


def test_one_sequence_has_the_numbers_that_it_has_among_all(tmp_path, weights):
    place = np.concatenate([moving(1, 6), moving(1, 6, start=3)[:, :, ::-1]])
    store = write_latents(tmp_path / "latents.zarr", weights, codes(place), [("a.mkv", 0), ("a.mkv", 3)])
    run(store, "--export", tmp_path / "t.csv", "--sequence", "a.mkv:3", "--autoencoder", weights)
    found = table(tmp_path / "t.csv")
    assert set(found.sequence) == {3} and len(found) == 12
    assert dict(zip(found.id, found.slot, strict=True)) == {1: 1, 2: 0}


def test_a_forecast_has_its_samples_and_how_far_they_are_apart(tmp_path, weights):
    """Sample 1 leaves sample 0 by 2 px a step to the right and 1.5 downwards, so each is half of 2.5 px, twice as many
    in the source, from their mean."""
    place = moving(2, 7)
    place[1, 4:, 0] += np.arange(1, 4)[:, None] * np.array([2, 1.5], np.float32)
    store = write_futures(tmp_path / "futures.zarr", weights, codes(place), ("a.mkv", 5), context_frames=4)
    run(store, "--export", tmp_path / "t.csv", "--autoencoder", weights)
    found = table(tmp_path / "t.csv")
    observed, forecast = (found[found.kind == kind] for kind in ("observed", "forecast"))
    assert len(observed) == 4 * 2 and observed["sample"].isna().all() and observed.spread.isna().all()
    assert len(forecast) == 3 * 2 * 2 and set(forecast["sample"]) == {0, 1} and set(forecast.frame) == {9, 10, 11}
    first = forecast[forecast.id == 1]
    assert np.allclose(first.spread, (first.frame - 8) * 2.5) and not forecast[forecast.id == 2].spread.any()
    apart = first[first["sample"] == 1].left.to_numpy() - first[first["sample"] == 0].left.to_numpy()
    assert apart.tolist() == [4, 8, 12]
    run(store, "--export", tmp_path / "t.txt", "--autoencoder", weights)
    for sample in range(2):
        lines = np.loadtxt(tmp_path / f"t/a_sample_{sample}.txt", delimiter=",")
        wanted = found[found["sample"].isna() | (found["sample"] == sample)]
        np.testing.assert_allclose(lines[:, [0, 1, 2]], wanted[["frame", "id", "left"]] + [1, 0, 1])
    run(store, "--export", tmp_path / "one.txt", "--sample", 1, "--autoencoder", weights)
    assert (tmp_path / "one.txt").read_bytes() == (tmp_path / "t/a_sample_1.txt").read_bytes()
    run(store, "--export", tmp_path / "t.json", "--sample", 0, "--autoencoder", weights)
    annotations = json.loads((tmp_path / "t.json").read_text())["annotations"]
    assert len(annotations) == 7 * 2 and [a["sample"] for a in annotations[-6:]] == [0] * 6


def test_without_weights_boxes_are_as_wide_as_poses_say(tmp_path, weights):
    """And end where the frame does; a hidden object has none."""
    latents = codes(moving(1, 6))
    latents.pose[0, 0, 0, -1] = 0
    store = write_latents(tmp_path / "latents.zarr", weights, latents, [("a.mkv", 0)])
    for name in ("with", "without"):
        text = run(store, "--export", tmp_path / f"{name}.csv", "--autoencoder", weights if name == "with" else "none")
        assert ("boxes are squares" in text) == (name == "without")
    drawn, squares = table(tmp_path / "with.csv"), table(tmp_path / "without.csv")
    pandas.testing.assert_frame_equal(drawn[drawn.columns.difference(BOX)], squares[squares.columns.difference(BOX)])
    hidden = (drawn.id == 1) & (drawn.frame == 0)
    assert drawn[hidden][BOX].isna().all(axis=None) and squares[hidden][BOX].isna().all(axis=None)
    np.testing.assert_allclose(drawn[~hidden][BOX], squares[~hidden][BOX], atol=1)
    assert "name those that made" in refused(store, "--export", tmp_path / "t.json", "--autoencoder", "none")


def test_what_cannot_be_exported_is_refused(tmp_path, weights):
    store = write_latents(tmp_path / "latents.zarr", weights, codes(moving(1, 3)), [("a.mkv", 0)])
    target, options = tmp_path / "t.csv", ("--autoencoder", weights)
    assert "ends in .csv" in refused(store, "--export", tmp_path / "t.xlsx", *options)
    assert "has no samples" in refused(store, "--export", target, "--sample", 0, *options)
    assert "leave out --compare" in refused(store, "--export", target, "--compare", store, *options)
    assert "--export FILE" in refused(store, "--sample", 0)
    save_weights(tmp_path / "others", height=32, width=48, shown=(3, 3))
    assert "do not belong together" in refused(store, "--export", target, "--autoencoder", tmp_path / "others")
    silent = write_latents(tmp_path / "silent.zarr", weights, codes(moving(1, 3)), [("a.mkv", 0)], about=None)
    assert "how its frames lie in the source" in refused(silent, "--export", target, *options)
    futures = write_futures(tmp_path / "futures.zarr", weights, codes(moving(2, 5)), ("a.mkv", 0), context_frames=3)
    assert "samples 0 to 1" in refused(futures, "--export", target, "--sample", 2, *options)
    assert not target.exists() and not list(tmp_path.glob("*.partial"))
