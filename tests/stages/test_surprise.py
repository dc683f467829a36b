"""What was surprising in videos, with the tiny artefacts and a calibration of their own frames."""

import csv
import json
import re
import shutil
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from pipeline.autoencoder.autoencoder import load_autoencoder, save_autoencoder
from pipeline.checkpoint import load
from pipeline.forecasting.forecaster import load_forecaster
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.frames.frame_format import Preparation
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.source_view import SourceView
from pipeline.frames.write_video import write_video
from pipeline.predictor.predictor import load_predictor, save_predictor
from pipeline.surprise.scores import score_windows
from pipeline.surprise.watching import Surprise
from stages.surprise import COLUMNS, app, row
from tests.stages.conftest import CONTEXT_FRAMES, HORIZON, NUM_FRAMES, SIDE, moving_squares
from tests.stages.test_generate import READING, SETTINGS, content

NUM_CLIPS = 5
FLICKERS = 9
"""The frame of `disturbed` in which the light does."""


@pytest.fixture(scope="module")
def run_folder(artefacts, tmp_path_factory):
    """Weights that learned from frames with validation clips; a video like these, one in which the light flickers
    once."""
    folder = tmp_path_factory.mktemp("surprise")
    random = np.random.default_rng(1)
    writer = FrameStoreWriter(folder / "frames.zarr", NUM_CLIPS, (NUM_FRAMES, SIDE, SIDE, 3), fps=8, crop="none",
                              source="s" * 64, num_objects=None)
    for i in range(NUM_CLIPS):
        writer.append(moving_squares(random)[0], {}, video_id=f"val_{i}", first_frame=0, split="val")
    writer.finish()
    identity = open_frames(folder / "frames.zarr").identity
    save_autoencoder(folder / "autoencoder.safetensors", load_autoencoder(artefacts.autoencoder)[0],
                     {"frames": identity})
    made_from = {"latents": "l" * 64, "autoencoder": load(folder / "autoencoder.safetensors", "autoencoder").identity}
    save_predictor(folder / "predictor.safetensors", load_predictor(artefacts.predictor)[0], made_from)
    (folder / "params.yaml").write_text(json.dumps({"generate": SETTINGS, "preprocess": READING}))
    (folder / "videos").mkdir()
    frames = moving_squares(random)[0]
    write_video(folder / "videos/calm.mkv", frames, 8, lossless=True)
    frames[FLICKERS] = frames[FLICKERS] // 2
    write_video(folder / "videos/disturbed.mkv", np.pad(frames, ((0, 0), (16, 16), (16, 16), (0, 0)), mode="edge"), 8,
                lossless=True)
    return folder


def run(folder, *videos, **options):
    """Runs the command on videos of the folder."""
    given = {
        **{name: folder / f"{name}.safetensors" for name in ("autoencoder", "predictor")},
        "frames": folder / "frames.zarr", "params": folder / "params.yaml", "output": folder / "out", **options,
    }
    texts = [text for name, value in given.items() for text in (f"--{name}", str(value))]
    return CliRunner().invoke(app, [*(str(folder / video) for video in videos), *texts])


@pytest.fixture(scope="module")
def watched(run_folder):
    """What the command prints of both videos."""
    result = run(run_folder, "videos", threshold=50)
    assert result.exit_code == 0, result.output
    return result


def rows(folder) -> list[dict[str, str]]:
    with (folder / "out/surprise.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_flicker_surprises_and_nothing_else_as_much(run_folder, watched):
    found = rows(run_folder)
    assert tuple(found[0]) == COLUMNS and {row["video"] for row in found} == {"calm.mkv", "disturbed.mkv"}
    for name in ("calm.mkv", "disturbed.mkv"):
        frames = {int(row["frame"]) for row in found if row["video"] == name}
        assert frames == set(range(CONTEXT_FRAMES, NUM_FRAMES))
    most = max(found, key=lambda row: float(row["one_in"]))
    assert (most["video"], int(most["frame"]), most["kind"]) == ("disturbed.mkv", FLICKERS, "scene")
    assert most["object"] == most["left"] == "" and float(most["time"]) == FLICKERS / 8
    told = r"^disturbed.mkv: [1-9]\d* of 11 frames surprise \(one in 50 would be 0.22\)$"
    assert re.search(told, watched.stdout, re.M)


@pytest.fixture(scope="module")
def forecaster(run_folder):
    return load_forecaster(
        run_folder / "autoencoder.safetensors", run_folder / "predictor.safetensors",
        GenerateParams(**{**SETTINGS, "carry_pictures": True}),
    )


def moving_pair() -> np.ndarray:
    """A red and a blue square on grey, that pass one another."""
    frames = np.full((CONTEXT_FRAMES + HORIZON, SIDE, SIDE, 3), 120, np.uint8)
    for t in range(len(frames)):
        frames[t, 3:11, 2 + 3 * t:10 + 3 * t], frames[t, 20:28, 22 - 3 * t:30 - 3 * t] = (220, 40, 40), (40, 60, 230)
    return frames


@pytest.mark.parametrize("kind", ["appearance", "vanished", "new", "scene"])
def test_a_window_says_what_kind_of_thing_happened(forecaster, kind):
    """To one of two squares, or to the frame, from the first frame after the context on."""
    calm = moving_pair()
    changed = calm.copy()
    later = changed[CONTEXT_FRAMES:]
    blue = (later == (40, 60, 230)).all(-1)
    if kind == "appearance":
        later[blue] = (230, 220, 20)
    elif kind == "vanished":
        later[blue] = 120
    elif kind == "new":
        later[:, 13:19, 20:28] = (30, 230, 60)
    else:
        later[:] = later // 2
    before, after = score_windows(forecaster, [calm, changed])
    assert after.most(kind).min() > 3 * max(0.1, before.most(kind).max())
    if kind in ("vanished", "new"):
        assert after.most("scene").max() <= before.most("scene").max() + 0.1


def test_what_rested_through_the_context_is_nothing_new(forecaster):
    """Another square, that the context takes for background, leaves it; one of another colour has not been there."""
    ground = np.linspace(60, 180, SIDE)[None, :, None, None].astype(np.uint8)  # by which the light is told
    pair = moving_pair()
    bare = np.where((pair == 120).all(-1, keepdims=True), ground, pair)
    calm = bare.copy()
    calm[:, 13:19, 14:20] = (30, 230, 60)
    moved, came = calm.copy(), calm.copy()
    moved[CONTEXT_FRAMES:] = bare[CONTEXT_FRAMES:]
    moved[CONTEXT_FRAMES:, 13:19, 20:26], came[CONTEXT_FRAMES:, 13:19, 22:28] = (30, 230, 60), (230, 220, 20)
    calm, moved, came = (one.most("new").max() for one in score_windows(forecaster, [calm, moved, came]))
    assert came > 5 * moved and came > 10 * calm


def test_boxes_are_in_pixels_of_the_source(run_folder, watched):
    """The second video has edges of 16 px around, which the weights see squeezed to half."""
    boxes = np.array([[float(row[side]) for side in ("left", "top", "width", "height")] for row in rows(run_folder)
                      if row["kind"] == "pose" and row["video"] == "disturbed.mkv"])
    assert len(boxes) and boxes[:, :2].min() > 14 and SIDE < (boxes[:, :2] + boxes[:, 2:]).max() < 50
    assert boxes[:, 2:].min() > 0


@pytest.mark.parametrize("box, written", [
    ((-4, 6, 8, 40), ["0.0", "12.0", "16.0", "52.0"]), ((33, 2, 40, 9), [""] * 4), (None, [""] * 4),
])
def test_boxes_lie_in_the_frame(box, written):
    """The weights see 32x32 of 64x64 px."""
    new = SimpleNamespace(video=SimpleNamespace(video_id="a"), info=SimpleNamespace(fps=8, rate_is_known=True))
    one = Surprise("pose", 0, nats=5.0, rarity=0.01, box=box)
    view = SourceView(64, 64, 8, 8, Preparation(crop="none").form(32, 32, 3))
    told = row(new, SimpleNamespace(frame=SimpleNamespace(number=4)), one, view)
    assert dict(zip(COLUMNS, told, strict=True)) == {
        "video": "a", "frame": 4, "time": "0.500", "object": 0, "kind": "pose", "one_in": "100", "nats": "5",
        **dict(zip(("left", "top", "width", "height"), written, strict=True)),
    }


def test_films_hold_every_frame_and_the_sheet_shows_moments(run_folder, watched):
    for name in ("calm", "disturbed"):
        with av.open(str(run_folder / f"out/{name}.mp4")) as film:
            shown, stream = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)], film.streams.video[0]
            assert len(shown) == NUM_FRAMES and stream.average_rate == 8
        assert min(shown[0].shape[:2]) >= 256
    with Image.open(run_folder / "out/moments.png") as sheet:
        assert sheet.size[0] > 256
    assert sorted(content(run_folder / "out")) == ["calm.mp4", "disturbed.mp4", "moments.png", "surprise.csv"]


def test_the_calibration_is_kept_for_these_weights_alone(run_folder, watched, tmp_path):
    folder = shutil.copytree(run_folder, tmp_path / "run")
    kept = (folder / "surprise.safetensors").read_bytes()
    shutil.rmtree(folder / "frames.zarr")
    before = rows(folder)
    assert run(folder, "videos", threshold=50).exit_code == 0 and rows(folder) == before
    model, weights = load_predictor(folder / "predictor.safetensors")
    with np.errstate(all="ignore"):
        model.trust += 0.5
    save_predictor(folder / "predictor.safetensors", model, weights.made_from)
    result = run(folder, "videos/calm.mkv")
    assert result.exit_code == 2 and "frames.zarr" in result.stderr.splitlines()[-1]
    shutil.copytree(run_folder / "frames.zarr", folder / "frames.zarr")
    assert run(folder, "videos/calm.mkv").exit_code == 0 and (folder / "surprise.safetensors").read_bytes() != kept


@pytest.mark.parametrize("options, complaint", [
    ({"calibration": "predictor.safetensors"}, "wanted layercast surprise weights"),
    ({"output": "videos"}, "would be replaced, but holds"),
    ({"frames": "nowhere.zarr", "calibration": "new.safetensors"}, "nowhere.zarr"),
    ({"params": "nowhere.yaml"}, "nowhere.yaml"),
])
def test_what_cannot_be_is_said_in_one_line(run_folder, watched, options, complaint):
    result = run(run_folder, "videos", **{name: run_folder / value for name, value in options.items()})
    assert result.exit_code == 2 and complaint in result.stderr.splitlines()[-1]
    assert result.stderr.splitlines()[-1].startswith("error: ")


def test_short_and_broken_videos_are_named(run_folder, watched, tmp_path):
    folder = tmp_path / "odd"
    folder.mkdir()
    write_video(folder / "short.mkv", np.zeros((CONTEXT_FRAMES, SIDE, SIDE, 3), np.uint8), 8, lossless=True)
    result = run(run_folder, folder, output=tmp_path / "out")
    assert result.exit_code == 2 and result.stderr.splitlines()[-1].startswith("error: none of the 1 videos")
    assert "skipped: video 'short.mkv' has 4 frames in a row, wanted at least 5" in result.stderr
    shutil.copy(run_folder / "videos/calm.mkv", folder)
    whole = (folder / "calm.mkv").read_bytes()
    (folder / "cut.mkv").write_bytes(whole[: len(whole) * 3 // 4])
    result = run(run_folder, folder, output=tmp_path / "out")
    assert result.exit_code == 0 and "skipped: the rest of video 'cut.mkv'" in result.stderr
    assert (tmp_path / "out/calm.mp4").exists() and (tmp_path / "out/cut.mp4").exists()
