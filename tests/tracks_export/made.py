"""Weights and stores made by hand: every object is a rectangle that its pose alone places."""

from pathlib import Path

import numpy as np
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig, load_autoencoder, save_autoencoder
from pipeline.latents.latent_store import LatentWriter, PredictedLatentsWriter
from pipeline.latents.latents import Latents

OBJECT_PX, PATCH_DIM = 16, 20
"""At log_scale 0 a sample of a patch is a pixel."""
ABOUT = {
    "source_height": "64 px", "source_width": "96 px", "source_fps": "10 frames/s", "source_crop": "center: as it says",
    "source_frames": "frame i of a video is frame i of its source, both counted from 0",
}
"""Of frames of 32 x 48 px: twice as large, nothing cut off."""


def save_weights(path: Path, *, height: int, width: int, shown: tuple[int, int] = (16, 16), num_slots: int = 2) -> str:
    """Whose objects are rectangles, `shown` samples wide and high, before all else; returns their identity."""
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(
        architecture=ArchitectureParams(
            num_slots=num_slots, object_px=OBJECT_PX, patch_dim=PATCH_DIM, canvas_margin=0, background_channels=4,
            appearance_dim=3, hidden_dim=8,
        ),
        num_channels=3, height=height, width=width,
    ))
    planes, (x, y) = torch.zeros(4, PATCH_DIM, PATCH_DIM), ((PATCH_DIM - n) // 2 for n in shown)
    planes[:, y:y + shown[1], x:x + shown[0]] = 1
    with torch.no_grad():
        model.appearance_decoder.components.weight.zero_()
        model.appearance_decoder.components.bias.copy_(planes.flatten())
    save_autoencoder(path, model, {"frames": "0" * 64})
    return load_autoencoder(path)[1].identity


def codes(place: np.ndarray, *, log_scale: float = 0.0, present: int | None = None) -> Latents:
    """Of B clips whose objects are at place [B, T, K, 2] px of the frame, the first `present` slots (None: all)."""
    pose = torch.zeros(*place.shape[:3], 6)
    pose[..., :2], pose[..., 2], pose[..., -1] = torch.from_numpy(place), log_scale, 1
    B, T, K = place.shape[:3]
    presence = torch.zeros(B, K)
    presence[:, :present] = 1
    camera = torch.zeros(B, T, 6)
    camera[..., 3] = 1
    return Latents(
        pose=pose, presence=presence, camera=camera, appearance=torch.zeros(B, K, 3), depth=torch.zeros(B, K),
        background=torch.zeros(B, 0),
    )


def write_latents(path: Path, weights: Path, latents: Latents, names: list[tuple[str, int]], **about) -> Path:
    """A store of sequences of these names; about: its rate, 10, and attributes, ABOUT, where they are others."""
    model, made = load_autoencoder(weights)
    videos, first_frames = zip(*names, strict=True)
    writer = LatentWriter(
        path, model.spec, np.array(videos), np.array(first_frames), np.array(["test"] * len(names)),
        num_frames=latents.num_frames, made_from={"autoencoder": made.identity}, object_px=OBJECT_PX,
        **{"fps": 10.0, "about": ABOUT} | about,
    )
    writer.write(0, _whole(latents, model))
    writer.finish()
    return path


def write_futures(path: Path, weights: Path, latents: Latents, name: tuple[str, int], context_frames: int) -> Path:
    """A store of one clip, whose samples are the batch of latents."""
    model, made = load_autoencoder(weights)
    writer = PredictedLatentsWriter(
        path, model.spec, [name[0]], [name[1]], num_samples=len(latents), context_frames=context_frames,
        horizon=latents.num_frames - context_frames, fps=10.0, made_from={"autoencoder": made.identity},
        object_px=OBJECT_PX, about=ABOUT,
    )
    writer.write(_whole(latents, model))
    writer.finish()
    return path


def _whole(latents: Latents, model: Autoencoder) -> Latents:
    """With a background."""
    return latents.replace(background=torch.zeros(len(latents), model.spec.background_dim)).check(model.spec)
