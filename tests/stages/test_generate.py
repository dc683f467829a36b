"""Forecasts of the tiny artefacts."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from pipeline.autoencoder import many_clips
from pipeline.autoencoder.autoencoder import load_autoencoder, save_autoencoder
from pipeline.frames.frame_store import open_frames
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.frames.prediction_store import open_predicted_frames
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latent_store import open_predicted_latents
from stages.generate import app
from tests.stages.conftest import CONTEXT_FRAMES, HORIZON, NUM_CLIPS, NUM_FRAMES, Artefacts, write_test_frames

SETTINGS = {
    "context_frames": None, "horizon": None, "num_samples": 2, "spread": "branches", "carry_pictures": False,
    "num_pictures": 1, "batch_size": 4, "seed": 0,
}

READING = {
    "source": "nowhere", "array_layout": None, "tfrecord_feature": "{}", "height": 8, "width": 8, "crop": "none",
    "digits": {"num_videos": 1, "num_frames": 2, "num_digits": 1, "frame_px": 64, "seed": 0},
    "color": "rgb", "fps": None, "fps_if_unknown": 10, "sequence_length": 6, "sequence_stride": None,
    "split": "random", "val_fraction": 0.2, "test_fraction": 0.2, "seed": 0, "on_damage": "stop",
}


def run(artefacts: Artefacts, folder, *, settings: dict | None = None, **paths):
    """Runs the command on the artefacts, or on other `paths` in their stead; everything is written into `folder`."""
    folder.mkdir(exist_ok=True)
    section = {"generate": {**SETTINGS, **(settings or {})}, "preprocess": READING}
    (folder / "params.yaml").write_text(json.dumps(section))
    options = {
        "test_frames": artefacts.test_frames, "autoencoder": artefacts.autoencoder, "predictor": artefacts.predictor,
        "predicted_latents": folder / "latents.zarr", "predicted_frames": folder / "frames.zarr",
        "pictures": folder / "pictures", "params": folder / "params.yaml", "cost": folder.with_suffix(".json"), **paths,
    }
    return CliRunner().invoke(app, [text for name, path in options.items()
                                    for text in (f"--{name.replace('_', '-')}", str(path))])


@pytest.fixture(scope="session")
def forecast(artefacts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("forecast")
    result = run(artefacts, folder)
    assert result.exit_code == 0, result.output
    return folder


def content(folder) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}


def test_predicted_frames_are_the_decoded_predicted_latents_of_the_named_clips(artefacts, forecast):
    latents, frames = open_predicted_latents(forecast / "latents.zarr"), open_predicted_frames(forecast / "frames.zarr")
    assert frames.num_clips == NUM_CLIPS and frames.num_samples == 2
    assert (frames.context_frames, frames.horizon, frames.fps) == (CONTEXT_FRAMES, HORIZON, 8)
    names = list(zip(frames.video_id, frames.first_frame, strict=True))
    assert names[:3] == [("video_0", 5), ("video_0", 12), ("video_1", 5)]
    assert np.array_equal(latents.video_id, frames.video_id) and np.array_equal(latents.first_frame, frames.first_frame)
    model, weights = load_autoencoder(artefacts.autoencoder)
    with torch.inference_mode():
        futures = latents.read(np.array([3])).frames(CONTEXT_FRAMES, CONTEXT_FRAMES + HORIZON)
        np.testing.assert_array_equal(frames.read(3, 4)[0], to_uint8(model.decode(futures).frames))
    assert latents.made_from == frames.made_from and frames.made_from["autoencoder"] == weights.identity


def test_how_sure_a_forecast_is_is_what_its_samples_say(artefacts, tmp_path):
    settings = {"carry_pictures": True, "num_pictures": 0, "spread": "full", "num_samples": 3}
    assert run(artefacts, tmp_path, settings=settings).exit_code == 0
    frames = open_predicted_frames(tmp_path / "frames.zarr")
    reads = frames.read, frames.read_spread, frames.read_occupancy
    samples, spread, occupancy = (read(0, NUM_CLIPS) for read in reads)
    wanted = samples.astype(float).std(1).mean(-1)
    assert wanted.max() > 1 and abs(spread / 2 - wanted).max() <= 0.26  # half levels
    futures = open_predicted_latents(tmp_path / "latents.zarr").read(np.array([3])).frames(
        CONTEXT_FRAMES, CONTEXT_FRAMES + HORIZON
    )
    model, _ = load_autoencoder(artefacts.autoencoder)
    with torch.inference_mode():
        context = to_unit(open_frames(artefacts.test_frames).read(np.array([1]))[:, 7:7 + CONTEXT_FRAMES])
        pictures = model.encode_with_pictures(context)[1].map(lambda x: x.expand(3, *x.shape[1:]))
        shown = model.decode(futures, pictures).segmentation().numpy()
    for slot in range(3):
        share = (shown == slot + 1).mean(0)
        assert abs(occupancy[3, :, slot] / 255 - share).max() < 0.01
    assert occupancy.any()


def test_what_is_not_asked_for_is_not_stored_and_changes_nothing_else(artefacts, forecast, tmp_path):
    settings = {"write_spread": False, "write_occupancy": False, "num_pictures": 0}
    assert run(artefacts, tmp_path, settings=settings).exit_code == 0
    lean, whole = (content(folder / "frames.zarr") for folder in (tmp_path, forecast))
    left_out = {name.split("/")[0] for name in set(whole) - set(lean)}
    assert left_out == {"spread", "occupancy", "slot"}
    assert all(lean[name] == whole[name] for name in lean if name != "zarr.json")
    frames = open_predicted_frames(tmp_path / "frames.zarr")
    assert frames.read_spread(0, 1) is None and frames.read_occupancy(0, 1) is None


def test_clips_taken_apart_in_several_processes_change_no_byte(artefacts, tmp_path, monkeypatch):
    former, started, pool = torch.get_num_threads(), [], many_clips.ProcessPoolExecutor

    def start(number, *rest):
        started.append(number)
        return pool(number, *rest)

    monkeypatch.setattr(many_clips, "ProcessPoolExecutor", start)
    torch.set_num_threads(2)
    try:
        for name, worth in (("alone", NUM_CLIPS + 1), ("together", NUM_CLIPS)):
            monkeypatch.setattr(many_clips, "WORTH_PROCESSES", worth)
            result = run(artefacts, tmp_path / name, settings={"carry_pictures": True, "batch_size": 3})
            assert result.exit_code == 0, result.output
    finally:
        torch.set_num_threads(former)
    assert started == [2]
    alone, together = (content(tmp_path / name / "frames.zarr") for name in ("alone", "together"))
    assert alone == together


@pytest.mark.parametrize("carry_pictures", [False, True])
def test_straight_lines_are_drawn_from_the_context_like_the_forecast(artefacts, tmp_path, monkeypatch, carry_pictures):
    monkeypatch.setattr("pipeline.forecasting.forecaster._LINES_AT_ONCE", 2)
    result = run(artefacts, tmp_path, settings={"carry_pictures": carry_pictures, "num_pictures": 0, "batch_size": 1})
    assert result.exit_code == 0, result.output
    frames, store = open_predicted_frames(tmp_path / "frames.zarr"), open_frames(artefacts.test_frames)
    model, _ = load_autoencoder(artefacts.autoencoder)
    with torch.inference_mode():
        for clip, (row, start) in {0: (0, 0), 3: (1, CONTEXT_FRAMES + HORIZON)}.items():
            context = to_unit(store.read(np.array([row]))[:, start:start + CONTEXT_FRAMES])
            latents, pictures = model.encode_with_pictures(context)
            drawn = model.decode(linear_extrapolation(latents, HORIZON), pictures if carry_pictures else None)
            wanted, segmentation = to_uint8(drawn.frames), frames.read_context_segmentation(clip, clip + 1)
            difference = frames.read_straight_on(clip, clip + 1).astype(int) - wanted[:, CONTEXT_FRAMES:]
            assert abs(difference).max() <= 1  # lines of several clips are rounded another way
            np.testing.assert_array_equal(segmentation, drawn.segmentation()[:, :CONTEXT_FRAMES])
            assert segmentation.any() or not carry_pictures  # the codes of an untrained autoencoder may show nothing


def test_later_frames_change_no_byte_of_what_is_predicted(artefacts, forecast, tmp_path):
    frames = open_frames(artefacts.test_frames).read(slice(None))
    clip = CONTEXT_FRAMES + HORIZON
    later = [t for t in range(NUM_FRAMES) if t >= 2 * clip or t % clip >= CONTEXT_FRAMES]
    frames[:, later] = np.random.default_rng(1).integers(0, 256, frames[:, later].shape)
    store = write_test_frames(tmp_path / "altered.zarr", frames, None)
    assert store.identity != open_frames(artefacts.test_frames).identity
    assert run(artefacts, tmp_path / "out", test_frames=store.path).exit_code == 0
    for name in ("latents.zarr", "frames.zarr"):
        assert content(tmp_path / "out" / name) == content(forecast / name)


def test_a_rerun_gives_the_same_bytes(artefacts, forecast, tmp_path):
    assert run(artefacts, tmp_path / "out").exit_code == 0
    again = content(tmp_path / "out")
    assert again == content(forecast) and sum(name.startswith("pictures/") for name in again) == 4


def test_a_clips_futures_depend_on_the_seed_but_on_no_other_clip(artefacts, forecast, tmp_path):
    frames = open_frames(artefacts.test_frames).read(slice(None))
    frames[0], frames[2] = 255 - frames[0], frames[0]
    store = write_test_frames(tmp_path / "others.zarr", frames, None)
    before = open_predicted_latents(forecast / "latents.zarr").read(np.array([2, 3])).pose
    assert run(artefacts, tmp_path / "one", test_frames=store.path, settings={"batch_size": 1}).exit_code == 0
    after = open_predicted_latents(tmp_path / "one" / "latents.zarr").read(np.array([2, 3])).pose
    torch.testing.assert_close(after, before, rtol=0, atol=1e-3)
    assert run(artefacts, tmp_path / "two", settings={"seed": 1}).exit_code == 0
    other = open_predicted_latents(tmp_path / "two" / "latents.zarr").read(np.array([2, 3])).pose
    assert not torch.equal(other, before)


def test_context_and_horizon_may_differ_from_training(artefacts, tmp_path):
    settings = {"context_frames": 2, "horizon": 8, "num_samples": 1, "num_pictures": 0}
    assert run(artefacts, tmp_path / "out", settings=settings).exit_code == 0
    frames = open_predicted_frames(tmp_path / "out" / "frames.zarr")
    assert (frames.context_frames, frames.horizon, frames.num_clips) == (2, 8, NUM_CLIPS // 2)
    assert list((tmp_path / "out" / "pictures").iterdir()) == []


def test_pictures_show_all_frames_of_the_clip(forecast):
    names = sorted(file.name for file in (forecast / "pictures").iterdir())
    clip = names[0].split("_")[1]  # the one that moves most
    assert names == [f"clip_{clip}_{what}.{kind}" for what in ("forecast", "layers") for kind in ("gif", "mp4")]
    with Image.open(forecast / "pictures" / names[0]) as animation:
        assert animation.n_frames == CONTEXT_FRAMES + HORIZON


def test_clips_longer_than_the_sequences_are_refused(artefacts, tmp_path):
    result = run(artefacts, tmp_path / "out", settings={"horizon": NUM_FRAMES})
    assert result.exit_code == 2 and f"at least {CONTEXT_FRAMES + NUM_FRAMES} frames" in result.stderr
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["params.yaml"]


def test_a_predictor_of_another_autoencoder_is_refused(artefacts, tmp_path):
    torch.manual_seed(1)
    model, _ = load_autoencoder(artefacts.autoencoder)
    torch.nn.init.normal_(next(model.parameters()))
    save_autoencoder(tmp_path / "other.safetensors", model, {})
    result = run(artefacts, tmp_path / "out", autoencoder=tmp_path / "other.safetensors")
    assert result.exit_code == 2 and "predictor.safetensors" in result.stderr and "other.safetensors" in result.stderr
    assert not (tmp_path / "out" / "latents.zarr").exists()


def test_frames_of_another_size_are_refused(artefacts, tmp_path):
    store = write_test_frames(tmp_path / "small.zarr", np.zeros((1, NUM_FRAMES, 16, 24, 3), np.uint8), None)
    result = run(artefacts, tmp_path / "out", test_frames=store.path)
    assert result.exit_code == 2 and "24 x 16 px in color" in result.stderr and "32 x 32 px in color" in result.stderr


def test_carried_pictures_change_the_frames_but_not_the_latents(artefacts, forecast, tmp_path):
    assert run(artefacts, tmp_path / "carried", settings={"carry_pictures": True}).exit_code == 0
    plain, carried = (open_predicted_frames(folder / "frames.zarr") for folder in (forecast, tmp_path / "carried"))
    assert carried.carry_pictures and not plain.carry_pictures
    assert content(tmp_path / "carried" / "latents.zarr") == content(forecast / "latents.zarr")
    true_frames = open_frames(artefacts.test_frames).read(slice(None))[:, CONTEXT_FRAMES:CONTEXT_FRAMES + HORIZON]
    def error(store):  # every second clip is a sequence's first
        return np.square(store.read(0, NUM_CLIPS)[::2, 0] / 255 - true_frames / 255).mean()
    assert error(carried) < 0.5 * error(plain)  # the codes of an untrained autoencoder leave nearly everything out
