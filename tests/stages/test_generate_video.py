"""Forecasts of videos of one's own, with the tiny artefacts."""

import hashlib
import shutil

import numpy as np
import pytest
import torch

from pipeline.autoencoder.autoencoder import load_autoencoder, save_autoencoder
from pipeline.forecasting.forecaster import Forecaster
from pipeline.frames.frame_format import Preparation
from pipeline.frames.frame_store import open_frames
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.frames.source_view import source_views
from pipeline.frames.write_video import write_video
from pipeline.inspection.facts import read_facts
from pipeline.latents.latent_store import open_predicted_latents
from pipeline.predictor.predictor import load_predictor, save_predictor
from tests.frames.damaged_videos import damage, texture, write
from tests.stages.conftest import CONTEXT_FRAMES, HORIZON, NUM_FRAMES
from tests.stages.test_generate import content, run


def test_a_video_of_ones_own_is_forecast_from_its_end(artefacts, tmp_path):
    frames = open_frames(artefacts.test_frames).read(np.array([1]))[0]
    video = tmp_path / "my clip.mkv"
    write_video(video, np.pad(frames, ((0, 0), (0, 0), (6, 6), (0, 0))), 12, lossless=True)
    before = content(tmp_path)
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "deep" / "forecast")
    assert result.exit_code == 0, result.output
    written = content(tmp_path / "deep" / "forecast")
    assert {"forecast.gif", "forecast.mp4", "layers.gif", "layers.mp4"} <= set(written)
    assert {name: data for name, data in content(tmp_path).items() if name in before} == before
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["params.yaml"]
    store = open_predicted_frames(tmp_path / "deep" / "forecast" / "predicted_frames.zarr")
    assert store.video_id.tolist() == ["my clip.mkv"] and store.first_frame.tolist() == [NUM_FRAMES - CONTEXT_FRAMES]
    assert (store.num_clips, store.num_samples, store.fps) == (1, 2, 12)
    assert store.read_straight_on(0, 1).shape == (1, HORIZON, 32, 32, 3)
    assert store.read_context_segmentation(0, 1).shape == (1, CONTEXT_FRAMES, 32, 32)


@pytest.fixture(scope="module")
def video(artefacts, tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mkv"
    write_video(path, open_frames(artefacts.test_frames).read(np.array([1]))[0], 12, lossless=True)
    return path


def test_an_edited_scene_is_continued(artefacts, video, tmp_path):
    before = content(video.parent)

    def forecast_of(name, **edit):
        result = run(artefacts, tmp_path / name, video=video, output=tmp_path / name / "forecast", **edit)
        assert result.exit_code == 0, result.output
        store = open_predicted_latents(tmp_path / name / "forecast" / "predicted_latents.zarr")
        return result.stdout, store.read(slice(None)), store.made_from["context"]

    (said, plain, seen), (_, moved, seen_moved) = forecast_of("plain"), forecast_of("moved", edit="move 0 5 -3")
    x, y = (round(value) for value in plain.pose[0, CONTEXT_FRAMES - 1, 0, :2].tolist())
    assert f"slot 0 at ({x}, {y}) px" in said
    difference = (moved.pose - plain.pose)[:, :CONTEXT_FRAMES]
    torch.testing.assert_close(difference[:, :, 0], torch.tensor([5.0, -3, 0, 0, 0, 0]).expand_as(difference[:, :, 0]))
    assert (difference[:, :, 1:] == 0).all() and seen != seen_moved
    assert not torch.equal(moved.pose[:, CONTEXT_FRAMES:], plain.pose[:, CONTEXT_FRAMES:])
    _, same, _ = forecast_of("background", edit=f"background {video}")
    assert torch.equal(same.pose, plain.pose) and content(video.parent) == before


@pytest.mark.parametrize("edit, complaint", [
    ("turn 0", "wanted one of move SLOT DX DY"), ("", "wanted one of"), ("move 0 5", "wanted one of"),
    ("remove 7", "objects: slot 0 at ("), ("move 0 far 1", "wanted a distance in px, got 'far'"),
    ("background nowhere.mp4", "nowhere.mp4: does not exist"),
])
def test_an_edit_that_makes_no_sense_is_refused(artefacts, video, tmp_path, edit, complaint):
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast", edit=edit)
    assert result.exit_code == 2 and complaint in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "forecast").exists()


def test_an_edit_of_the_test_clips_is_refused(artefacts, tmp_path):
    result = run(artefacts, tmp_path / "out", edit="remove 0")
    assert result.exit_code == 2 and "--video" in result.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["params.yaml"]


@pytest.fixture(scope="module")
def of_prepared_frames(artefacts, tmp_path_factory) -> dict:
    """The same weights, but they know that their frames were squeezed and had 4 frames/s."""
    folder, prepared = tmp_path_factory.mktemp("prepared"), Preparation(crop="none", fps=4)
    paths = {"autoencoder": folder / "a.safetensors", "predictor": folder / "p.safetensors"}
    model, weights = load_autoencoder(artefacts.autoencoder)
    model.config = model.config.model_copy(update={"prepared": prepared})
    save_autoencoder(paths["autoencoder"], model, weights.made_from)
    predictor, weights = load_predictor(artefacts.predictor)
    predictor.config = predictor.config.model_copy(update={"prepared": prepared})
    save_predictor(paths["predictor"], predictor, {"autoencoder": load_autoencoder(paths["autoencoder"])[1].identity})
    return paths


def brightening(num_frames: int) -> np.ndarray:
    """uint8 [T, 16, 64, 3]: frames that tell their number, brighter at the sides."""
    frames = np.zeros((num_frames, 16, 64, 3), np.uint8)
    frames += (5 * np.arange(num_frames, dtype=np.uint8))[:, None, None, None]
    frames[:, :, :8] += 50
    return frames


def context_of(folder) -> tuple[int, str]:
    store = open_predicted_latents(folder / "predicted_latents.zarr")
    return store.first_frame.item(), store.made_from["context"]


def test_a_video_is_brought_to_the_size_crop_and_rate_of_the_weights(of_prepared_frames, artefacts, tmp_path):
    """12 frames/s in a strip become 4 squeezed ones; what was done is said, and can be undone."""
    write_video(tmp_path / "strip.mkv", brightening(24), 12, lossless=True)
    result = run(artefacts, tmp_path / "out", video=tmp_path / "strip.mkv", output=tmp_path / "forecast",
                 **of_prepared_frames)
    assert result.exit_code == 0, result.output
    done, given = "64 x 16 -> 32 x 32 px, squeezed, 12 -> 4 frames/s", "given are frames 4 to 7, forecast from 8 (2 s)"
    assert result.stdout.splitlines()[0] == f"strip.mkv: {done}; {given}"
    assert open_predicted_frames(tmp_path / "forecast" / "predicted_frames.zarr").fps == 4
    facts = read_facts(tmp_path / "forecast" / "predicted_latents.zarr")
    view = source_views(facts.path, facts.attributes)("strip.mkv")
    assert view.frames(np.array([8])) == 24 and view.places(np.array([32, 32])).tolist() == [64, 16]
    thinned = np.repeat(brightening(24)[::3][4:], 2, axis=1)  # then 32 high
    mean = thinned.reshape(4, 32, 32, 2, 3).mean(3)
    assert context_of(tmp_path / "forecast") == (4, hashlib.sha256(mean.astype(np.uint8).tobytes()).hexdigest())


def test_weights_that_know_no_rate_take_frames_as_they_are_and_say_so(artefacts, video, tmp_path):
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast")
    assert "frames as they are: nothing says at what rate the model learned" in result.stdout


@pytest.mark.parametrize(
    "start, first, knows", [("6", 2, True), ("0.5s", 2, True), ("14", 10, False), (None, 11, False)],
)
def test_a_forecast_starts_anywhere_and_shows_what_came_where_that_is_known(
    artefacts, video, tmp_path, monkeypatch, start, first, knows,
):
    targets = []
    monkeypatch.setattr(Forecaster, "draw", lambda self, folder, prefix, target, *_: targets.append(target))
    options = {} if start is None else {"from": start}
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast", **options)
    assert result.exit_code == 0, result.output
    frames = open_frames(artefacts.test_frames).read(np.array([1]))[0]
    seen = frames[first:first + CONTEXT_FRAMES]
    assert context_of(tmp_path / "forecast") == (first, hashlib.sha256(seen.tobytes()).hexdigest())
    assert np.array_equal(targets[0], frames[first:first + CONTEXT_FRAMES + HORIZON * knows])


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """40 frames, of which frame 13 is damaged."""
    path = tmp_path_factory.mktemp("damaged") / "hit.mp4"
    write(path, texture(40))
    damage(path, 13)
    return path


def test_a_damaged_video_is_refused_with_the_option_that_helps(artefacts, damaged, tmp_path):
    result = run(artefacts, tmp_path / "out", video=damaged, output=tmp_path / "forecast")
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and not (tmp_path / "forecast").exists()
    assert "video 'hit.mp4' cannot be decoded (" in result.stderr and "set --on-damage to keep (" in result.stderr
    assert "preprocess." not in result.stderr


@pytest.mark.parametrize("on_damage, first, said", [
    ("keep", 36, "kept: video 'hit.mp4' is damaged from frame 13 on ("),
    ("skip", 9, "skipped: the rest of video 'hit.mp4' ("),
])
def test_what_becomes_of_a_damaged_video_is_an_option(artefacts, damaged, tmp_path, on_damage, first, said):
    result = run(artefacts, tmp_path / "out", video=damaged, output=tmp_path / "forecast", on_damage=on_damage)
    assert result.exit_code == 0 and said in result.stderr, result.output
    assert context_of(tmp_path / "forecast")[0] == first


def test_a_whole_video_is_read_strictly_whatever_the_option_says(artefacts, video, tmp_path):
    for on_damage in ("stop", "keep"):
        folder = tmp_path / on_damage
        result = run(artefacts, folder, video=video, output=folder / "f", on_damage=on_damage)
        assert result.exit_code == 0 and result.stderr == ""
    assert context_of(tmp_path / "stop/f") == context_of(tmp_path / "keep/f")


def test_of_rubbish_no_option_is_named_that_does_not_help(artefacts, tmp_path):
    (tmp_path / "rubbish.mp4").write_bytes(b"no video" * 99)
    result = run(artefacts, tmp_path / "out", video=tmp_path / "rubbish.mp4", on_damage="keep")
    assert result.exit_code == 2 and "--on-damage keep leaves nothing of it; give another video" in result.stderr


@pytest.mark.parametrize("options, complaint", [
    ({"from": "soon"}, "--from 'soon': wanted a frame, such as 120, or seconds, such as 4.5s"),
    ({"from": "3"}, "wanted at least 4 frames of context before --from 3, found 3"),
    ({"from": "16"}, "wanted 16 frames before it, found 15 at 12 frames/s (1.25 s)"),
    ({"from": "2s"}, "wanted 24 frames before it, found 15"),
])
def test_a_start_outside_the_video_is_refused(artefacts, video, tmp_path, options, complaint):
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast", **options)
    assert result.exit_code == 2 and complaint in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "forecast").exists()


def test_the_horizon_is_an_option_and_may_be_longer_than_trained(artefacts, video, tmp_path):
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast", horizon=3 * HORIZON + 1)
    assert result.exit_code == 0, result.output
    store = open_predicted_frames(tmp_path / "forecast" / "predicted_frames.zarr")
    assert store.horizon == 3 * HORIZON + 1
    assert f"warning: {store.horizon} frames are forecast by a predictor that was trained" in result.stderr


@pytest.mark.parametrize("option", [{"horizon": 2}, {"from": "3"}, {"on_damage": "keep"}])
def test_what_only_a_video_has_is_refused_of_test_clips(artefacts, tmp_path, option):
    result = run(artefacts, tmp_path / "out", **option)
    name = next(iter(option)).replace("_", "-")
    assert result.exit_code == 2 and f"--{name}: " in result.stderr and "--video" in result.stderr


def test_a_hint_says_where_nothing_moves(artefacts, video, tmp_path):
    hint = "hint: no object moves in the given frames"
    write_video(tmp_path / "still.mkv", np.full((6, 32, 32, 3), 90, np.uint8), 10, lossless=True)
    assert hint in run(artefacts, tmp_path / "a", video=tmp_path / "still.mkv", output=tmp_path / "still").stdout
    assert hint not in run(artefacts, tmp_path / "b", video=video, output=tmp_path / "moving").stdout


def test_all_videos_of_a_folder_are_forecast_and_those_that_cannot_be_are_named(artefacts, video, tmp_path):
    videos = tmp_path / "videos"
    (videos / "deep").mkdir(parents=True)
    for name in ("a.mkv", "deep/b.mkv"):
        shutil.copy(video, videos / name)
    (videos / "broken.mp4").write_bytes(b"no video")
    write_video(videos / "short.mkv", np.zeros((2, 32, 32, 3), np.uint8), 10, lossless=True)
    result = run(artefacts, tmp_path / "out", video=videos, output=tmp_path / "forecast")
    assert result.exit_code == 0 and "forecast 2 of 4 videos" in result.stdout, result.output
    assert "skipped: video 'broken.mp4' cannot be decoded" in result.stderr
    assert "skipped: short.mkv: wanted at least 4 frames of context, found 2" in result.stderr
    written = {file.relative_to(tmp_path / "forecast").as_posix() for file in (tmp_path / "forecast").rglob("*.mp4")}
    assert written == {f"{name}/{what}.mp4" for name in ("a", "deep/b") for what in ("forecast", "layers")}
    assert open_predicted_frames(tmp_path / "forecast/deep/b/predicted_frames.zarr").video_id.tolist() == ["deep/b.mkv"]
    refused = run(artefacts, tmp_path / "out", video=videos, output=tmp_path / "edited", edit="remove 0")
    assert refused.exit_code == 2 and "found 4" in refused.stderr and not (tmp_path / "edited").exists()
    for name in ("a.mkv", "deep/b.mkv"):
        (videos / name).unlink()
    assert run(artefacts, tmp_path / "out", video=videos, output=tmp_path / "none").exit_code == 2


@pytest.mark.parametrize("num_frames", [None, CONTEXT_FRAMES - 1])
def test_a_video_that_is_missing_or_too_short_is_refused(artefacts, tmp_path, num_frames):
    video = tmp_path / "short.mkv"
    if num_frames:
        write_video(video, np.zeros((num_frames, 32, 32, 3), np.uint8), 10, lossless=True)
    result = run(artefacts, tmp_path / "out", video=video, output=tmp_path / "forecast")
    assert result.exit_code == 2 and "short.mkv" in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "forecast").exists()
