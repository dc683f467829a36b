"""That the benchmark runs on what the stages make; the figures are the machine's."""

import numpy as np
import pytest
import torch
from ruamel.yaml import YAML

from benchmarks import throughput
from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.frames.frame_store import open_frames
from pipeline.latents.codes import CODES
from pipeline.latents.latent_store import LatentWriter
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import MixtureParams
from pipeline.predictor.predictor import Predictor, save_predictor

SIDE, NUM_FRAMES = 16, 6


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """params.yaml as shipped but for the source, and eight videos of noise in an array."""
    document = YAML(typ="safe", pure=True).load(throughput.PARAMS)
    videos = np.random.default_rng(0).integers(0, 256, (8, NUM_FRAMES, 24, 24, 3), dtype=np.uint8)
    np.save(tmp_path / "videos.npy", videos)
    document["preprocess"].update(
        source=str(tmp_path / "videos.npy"), array_layout="video_time", height=SIDE, width=SIDE,
        sequence_length=NUM_FRAMES, val_fraction=0.2, test_fraction=0.2,
    )
    YAML().dump(document, tmp_path / "params.yaml")
    monkeypatch.setattr(throughput, "PARAMS", tmp_path / "params.yaml")
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", "set back after the test")
    return tmp_path


def test_preprocess_and_encode_run_beside_their_bounds(folder):
    params = throughput.read_section(throughput.PARAMS, "preprocess", throughput.PreprocessParams)
    rate, bound = throughput.preprocess_rates(params, 1, folder)
    assert 0 < rate and 0 < bound
    stores = [open_frames(folder / name) for name in ("frames.zarr", "test_frames.zarr")]
    assert sum(map(len, stores)) == 8
    shipped = YAML(typ="safe", pure=True).load(throughput.PARAMS)["train_autoencoder"]["architecture"]
    config = AutoencoderConfig(
        architecture=ArchitectureParams(**{**shipped, "num_slots": 1, "object_px": 4, "patch_dim": 8}),
        num_channels=3, height=SIDE, width=SIDE,
    )
    save_autoencoder(folder / "autoencoder.safetensors", Autoencoder(config), {"frames": stores[0].identity})
    rate, bound = throughput.encode_rates(1, folder / "out", folder)
    assert 0 < rate and 0 < bound and (folder / "out/latents.zarr").exists()


def test_ordinary_videos_show_the_source_enlarged(folder, monkeypatch):
    monkeypatch.setattr(throughput, "ORDINARY", (64, 48))
    monkeypatch.setattr(throughput, "NUM_COPIES", 3)
    params = throughput.read_section(throughput.PARAMS, "preprocess", throughput.PreprocessParams)
    made = throughput.ordinary_videos(params, folder / "ordinary")
    assert sorted(path.name for path in made.iterdir()) == ["000.mp4", "001.mp4", "002.mp4"]
    with throughput.open_source(made, None) as source:
        info = throughput.probe(source.videos[2], params)
        assert info.num_frames == 8 * NUM_FRAMES and info.fps == 25
        assert throughput.decode(source.videos, params) == 3 * 8 * NUM_FRAMES


def test_decoding_alone_decodes_everything(folder):
    params = throughput.read_section(throughput.PARAMS, "preprocess", throughput.PreprocessParams)
    with throughput.open_source(params.source, params.array_layout) as source:
        assert throughput.decode(source.videos, params) == 8 * NUM_FRAMES


def test_what_a_step_waits_for_is_a_share_of_it(folder):
    spec = LatentSpec(num_slots=2, background_dim=3, appearance_dim=4, height=SIDE, width=SIDE)
    codes = Latents(**{name: torch.rand(12, *spec.shape(name, 20)) for name in CODES})
    writer = LatentWriter(
        folder / "latents.zarr", spec, np.array([f"v{i}" for i in range(12)]), np.zeros(12, int),
        np.array(["train"] * 12), num_frames=20, fps=10.0, made_from={"autoencoder": "a"},
    )
    writer.write(0, codes)
    writer.finish()
    predictor = Predictor(PredictorConfig(
        architecture=MixtureParams(hidden_dim=16, num_layers=1, num_heads=2, num_modes=2), spec=spec, context_frames=10,
        horizon=10,
    ))
    save_predictor(folder / "predictor.safetensors", predictor, {"latents": "l", "autoencoder": "a"})
    assert 0 < throughput.waiting_share(5, folder) < 1
