"""New videos, encoded with trained weights."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML
from typer.testing import CliRunner

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder, save_autoencoder
from pipeline.frames.frame_format import Preparation
from pipeline.frames.pixels import to_unit
from pipeline.frames.write_video import write_video
from pipeline.latents.latent_store import open_latents
from stages import encode_videos, inspect
from tests.frames.damaged_videos import damage, texture, write
from tests.pipeline.conftest import content
from tests.pipeline.dvc_stages import dvc_stages
from tests.stages.test_encode import CONFIG
from tests.stages.test_generate import READING

LENGTH = 6


def noise(seed: int, num_frames: int) -> np.ndarray:
    shape = (num_frames, CONFIG.height, CONFIG.width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def save_weights(path: Path, prepared: Preparation) -> None:
    torch.manual_seed(0)
    model = Autoencoder(CONFIG.model_copy(update={"prepared": prepared}))
    save_autoencoder(path, model, {"frames": "0" * 64})


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Weights that know 5 frames/s; videos of 10: of 13 and 26 frames."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    YAML().dump({"encode": {"batch_size": 2}, "preprocess": READING}, tmp_path / "params.yaml")
    (tmp_path / "data").mkdir()
    save_weights(tmp_path / "data/autoencoder.safetensors", Preparation(crop="none", fps=5))
    (tmp_path / "videos/deep").mkdir(parents=True)
    write_video(tmp_path / "videos/a.mkv", noise(1, 13), 10, lossless=True)
    write_video(tmp_path / "videos/deep/b.mkv", noise(2, 26), 10, lossless=True)
    return tmp_path


def run(*arguments: str | Path):
    return CliRunner().invoke(encode_videos.app, [str(argument) for argument in arguments])


def refusal(*arguments: str | Path) -> str:
    result = run(*arguments)
    assert result.exit_code == 2 and result.stderr.splitlines()[-1].startswith("error: "), result.output
    return result.stderr


def test_videos_become_latents_at_the_size_rate_and_crop_of_the_weights(folder):
    before = content(folder / "data"), content(folder / "videos")
    result = run("videos", "--into", "new/new.zarr")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "a.mkv and 1 more: 24 x 16 -> 24 x 16 px, 10 -> 5 frames/s",
        "new/new.zarr: 3 sequences of 6 frames, of 2 videos",
    ]
    assert (content(folder / "data"), content(folder / "videos")) == before and not list(folder.glob("resume/*/*"))
    store, (model, weights) = open_latents(Path("new/new.zarr")), load_autoencoder(Path("data/autoencoder.safetensors"))
    names = list(zip(store.video_id, store.first_frame, strict=True))
    assert names == [("a.mkv", 0), ("deep/b.mkv", 0), ("deep/b.mkv", 6)]
    assert store.preparation == model.config.prepared and set(store.split) == {"test"}
    assert store.made_from["autoencoder"] == weights.identity and len(store.made_from["videos"]) == 64
    frames = np.stack([noise(1, 13)[::2][:6], noise(2, 26)[::2][:6], noise(2, 26)[::2][6:12]])
    with torch.no_grad():
        for row in range(3):
            for name, code in model.encode(to_unit(frames[row:row + 1])).codes.items():
                torch.testing.assert_close(store.read(slice(row, row + 1)).codes[name], code, atol=1e-4, rtol=1e-4)


def test_inspect_opens_the_store_whole(folder):
    assert run("videos/a.mkv", "--into", "new.zarr").exit_code == 0
    for options in ([], ["--check"], ["--sequence", "a.mkv", "--pictures", "pictures"], ["--export", "tracks.csv"]):
        result = CliRunner().invoke(inspect.app, ["new.zarr", *options])
        assert result.exit_code == 0, result.output
    assert len(list((folder / "pictures").glob("new_*_a.mkv_0_layers.png"))) == 1
    assert (folder / "tracks.csv").read_text().startswith("video,sequence,frame,time,id,")


def test_only_what_it_wrote_itself_is_replaced(folder):
    assert run("videos/a.mkv", "--into", "new.zarr").exit_code == 0
    first = content(folder / "new.zarr")
    assert run("videos/deep", "videos/a.mkv", "--into", "new.zarr").exit_code == 0
    assert content(folder / "new.zarr") != first
    assert run("videos/a.mkv", "--into", "new.zarr").exit_code == 0
    assert content(folder / "new.zarr") == first
    (folder / "notes").mkdir()
    (folder / "notes/text").write_text("mine")
    for into in ("notes", "videos/a.mkv", "data/autoencoder.safetensors", *encode_videos.OUTPUTS):
        before = content(folder)
        assert f"--into {into}: " in refusal("videos", "--into", into) and content(folder) == before


def test_the_stores_of_the_pipeline_are_known():
    outs = {out for stage in dvc_stages() for out in stage.outs if out.endswith(".zarr")}
    assert outs == set(encode_videos.OUTPUTS)


def test_what_cannot_be_encoded_is_named(folder):
    write_video(folder / "videos/short.mkv", noise(3, 5), 10, lossless=True)
    (folder / "videos/broken.mp4").write_bytes(b"no video")
    cut = (folder / "videos/deep/b.mkv").read_bytes()
    (folder / "videos/deep/cut.mkv").write_bytes(cut[: len(cut) * 3 // 4])
    result = run("videos", "--into", "new.zarr")
    assert result.exit_code == 0, result.output
    assert "skipped: video 'broken.mp4' cannot be decoded" in result.stderr
    assert "left out: 1 videos have no 6 frames (preprocess.sequence_length) in a row, such as 'short.mkv' with 3" in (
        result.stderr)
    assert "skipped: the rest of video 'deep/cut.mkv' (" in result.stderr and "; 1 sequences before" in result.stderr
    assert "a.mkv" in open_latents(folder / "new.zarr").video_id
    assert "none of the 1 videos can be decoded" in refusal("videos/broken.mp4", "--into", "none.zarr")
    assert "no other is left" in refusal("videos/short.mkv", "--into", "none.zarr")
    assert "nowhere: does not exist" in refusal("videos", "nowhere", "--into", "none.zarr")
    assert not (folder / "none.zarr").exists()


@pytest.mark.parametrize(("on_damage", "said"), [
    ("skip", "skipped: the rest of video 'damaged.mp4' ("),
    ("keep", "kept: video 'damaged.mp4' is damaged from frame 35 on ("),
])
def test_damaged_videos_go_on_where_that_is_wanted(folder, on_damage, said):
    write(folder / "damaged.mp4", texture(40))
    damage(folder / "damaged.mp4", 35)
    YAML().dump({"encode": {"batch_size": 2}, "preprocess": READING | {"on_damage": on_damage}}, folder / "params.yaml")
    result = run("damaged.mp4", "--into", "new.zarr")
    assert result.exit_code == 0, result.output
    assert said in result.stderr
    starts = open_latents(folder / "new.zarr").first_frame.tolist()
    before = starts in ([0], [0, 6])  # threads of the decoder hold frames back
    assert starts == [0, 6, 12] if on_damage == "keep" else before


def test_a_video_damaged_from_its_first_frame_on_is_encoded_where_that_is_wanted(folder):
    write(folder / "damaged.mp4", texture(40))
    damage(folder / "damaged.mp4", 0, first=0, count=60)
    assert "none of the 1 videos can be decoded" in refusal("damaged.mp4", "--into", "new.zarr")
    YAML().dump({"encode": {"batch_size": 2}, "preprocess": READING | {"on_damage": "keep"}}, folder / "params.yaml")
    assert run("damaged.mp4", "--into", "new.zarr").exit_code == 0
    assert open_latents(folder / "new.zarr").first_frame.tolist() == [0, 6, 12]


def test_where_the_weights_know_no_rate_frames_are_taken_as_they_are(folder):
    save_weights(folder / "data/autoencoder.safetensors", Preparation(crop="none"))
    result = run("videos", "--into", "new.zarr")
    assert "frames as they are: nothing says at what rate the model learned" in result.stdout
    store = open_latents(folder / "new.zarr")
    assert len(store) == 2 + 4 and store.preparation.fps == 10
    write_video(folder / "videos/fast.mkv", noise(3, 13), 30, lossless=True)
    assert "('a.mkv' 10, 'fast.mkv' 30)" in refusal("videos", "--into", "new.zarr")


def test_it_goes_on_where_it_was_interrupted(folder, monkeypatch):
    assert run("videos", "--into", "new.zarr").exit_code == 0
    undisturbed = content(folder / "new.zarr")
    shutil.rmtree(folder / "new.zarr")
    with monkeypatch.context() as patch:
        def stop(*_):
            raise KeyboardInterrupt
        patch.setattr(Autoencoder, "encode", stop)
        assert run("videos", "--into", "new.zarr").exit_code != 0 and not (folder / "new.zarr").exists()
    monkeypatch.setattr(encode_videos, "cut_video", None)  # the frames are there
    assert run("videos", "--into", "new.zarr").exit_code == 0
    assert content(folder / "new.zarr") == undisturbed
