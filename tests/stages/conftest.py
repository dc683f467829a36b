"""Tiny, untrained but whole artefacts, as every stage before would leave them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, save_autoencoder
from pipeline.checkpoint import load
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.pixels import to_unit
from pipeline.latents.latent_store import LatentWriter, open_latents
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.network_params import MixtureParams
from pipeline.predictor.predictor import Predictor, save_predictor
from stages import evaluate, generate

SIDE, CONTEXT_FRAMES, HORIZON, NUM_FRAMES, NUM_SEQUENCES = 32, 4, 3, 15, 3
"""Each sequence holds two clips and one frame more."""
NUM_CLIPS = 2 * NUM_SEQUENCES
JUDGED = ("test_frames", "latents", "predicted_latents", "predicted_frames", "autoencoder", "predictor")
"""What evaluate reads."""


@dataclass(frozen=True)
class Artefacts:
    """Paths, named as the options of the commands."""

    folder: Path

    def __getattr__(self, name: str) -> Path:
        suffix = {"autoencoder": ".safetensors", "predictor": ".safetensors", "params": ".yaml"}.get(name, ".zarr")
        return self.folder / f"{name}{suffix}"


def moving_squares(random: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """One sequence of two squares on a plain background, and its truth."""
    colors = random.integers(0, 256, (3, 3), dtype=np.uint8)
    frames = np.broadcast_to(colors[0], (NUM_FRAMES, SIDE, SIDE, 3)).copy()
    background, segmentation = frames.copy(), np.zeros(frames.shape[:3], np.uint8)
    corner = random.integers(2, 8, (2, 2))[None] + np.arange(NUM_FRAMES)[:, None, None] * np.array([[1, 0], [0, 1]])
    for t, i in np.ndindex(NUM_FRAMES, 2):
        x, y = corner[t, i]
        frames[t, y:y + 8, x:x + 8], segmentation[t, y:y + 8, x:x + 8] = colors[i + 1], i + 1
    truth = {
        "segmentation": segmentation, "background": background, "position": (corner + 4.0).astype(np.float32),
        "velocity": np.gradient(corner.astype(np.float32), axis=0), "size": np.full(2, 8, np.float32),
        "color": colors[1:].astype(np.float32) / 255, "shape": np.zeros(2, np.uint8),
    }
    return frames, truth


def write_test_frames(path: Path, frames: np.ndarray, truth: list[dict[str, np.ndarray]] | None) -> FrameStore:
    """frames [sequence, T, H, W, C], one video each, the first frame at 5."""
    num_objects = 2 if truth else None
    writer = FrameStoreWriter(
        path, len(frames), frames.shape[1:], fps=8, crop="none", source="s" * 64, num_objects=num_objects,
        truth_names=tuple(truth[0]) if truth else (),
    )
    for i, sequence in enumerate(frames):
        facts = truth[i] if truth else None
        writer.append(sequence, facts, video_id=f"video_{i}", first_frame=5, split="test")
    writer.finish()
    return open_frames(path)


def write_latents(path: Path, model: Autoencoder, store: FrameStore, made_from: dict[str, str]) -> None:
    """The encoded test sequences, last one first: nobody may count on the order of rows."""
    rows = np.arange(len(store))[::-1]
    with torch.inference_mode():
        latents = model.encode(to_unit(store.read(rows)))
    writer = LatentWriter(
        path, model.spec, store.video_id[rows], store.first_frame[rows], store.split[rows], num_frames=NUM_FRAMES,
        fps=store.fps, made_from=made_from,
    )
    writer.write(0, latents)
    writer.finish()


@pytest.fixture(scope="session")
def artefacts(tmp_path_factory) -> Artefacts:
    """Test frames with truth, both models' weights and the latents."""
    made = Artefacts(tmp_path_factory.mktemp("artefacts"))
    random = np.random.default_rng(0)
    frames, truth = zip(*(moving_squares(random) for _ in range(NUM_SEQUENCES)), strict=True)
    store = write_test_frames(made.test_frames, np.stack(frames), list(truth))
    torch.manual_seed(0)
    config = AutoencoderConfig(
        architecture=ArchitectureParams(
            num_slots=3, object_px=8, patch_dim=8, canvas_margin=0, background_channels=4, appearance_dim=6,
            hidden_dim=8,
        ),
        num_channels=3, height=SIDE, width=SIDE,
    )
    model = Autoencoder(config).eval()
    save_autoencoder(made.autoencoder, model, {"frames": "f" * 64})
    autoencoder = load(made.autoencoder, "autoencoder").identity
    write_latents(made.latents, model, store, {"autoencoder": autoencoder, "test_frames": store.identity})
    predictor = Predictor(PredictorConfig(
        architecture=MixtureParams(kind="mixture", hidden_dim=16, num_layers=1, num_heads=2, num_modes=3),
        spec=model.spec, context_frames=CONTEXT_FRAMES, horizon=HORIZON,
    ))
    latents = open_latents(made.latents).identity
    save_predictor(made.predictor, predictor, {"latents": latents, "autoencoder": autoencoder})
    made.params.write_text(
        "generate: {context_frames: null, horizon: null, num_samples: 2, spread: branches, carry_pictures: false, "
        "num_pictures: 1, batch_size: 4, seed: 0}\n"
        "evaluate: {batch_size: 2, num_sheets: 1}\n"
        "report: {num_clips: 1}\n"
    )
    return made


def options(paths: dict) -> list[str]:
    return [text for name, path in paths.items() for text in (f"--{name.replace('_', '-')}", str(path))]


@pytest.fixture(scope="session")
def inputs(artefacts, tmp_path_factory) -> dict:
    """Everything that evaluate reads, the forecast among it."""
    made = {name: getattr(artefacts, name) for name in (*JUDGED, "params")}
    pictures = tmp_path_factory.mktemp("pictures")
    result = CliRunner().invoke(generate.app, options({
        **{name: path for name, path in made.items() if name != "latents"}, "pictures": pictures,
        "cost": artefacts.folder / "generate.json",
    }))
    assert result.exit_code == 0, result.output
    return {name: made[name] for name in JUDGED}


@pytest.fixture(scope="session")
def evaluated(inputs, artefacts, tmp_path_factory) -> tuple[Path, str]:
    """What evaluate wrote, and what it printed."""
    output = tmp_path_factory.mktemp("evaluated") / "evaluation"
    result = CliRunner().invoke(evaluate.app, options({
        **inputs, "output": output, "params": artefacts.params, "cost": output.parent / "cost.json",
    }))
    assert result.exit_code == 0, result.output
    return output, result.stdout
