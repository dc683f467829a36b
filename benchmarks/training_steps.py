"""One training step of every method that is compared, on made-up clips of any size.

Two clips of T frames: T / 2 given, T / 2 to forecast. layercast's networks are those of params.yaml.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.convlstm import ConvLSTMForecaster, convlstm_loss
from benchmarks.svg import SVG, svg_loss
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.losses import reconstruction_loss
from pipeline.autoencoder.proposals import Proposals, propose
from pipeline.autoencoder.train_autoencoder_params import TrainAutoencoderParams
from pipeline.autoencoder.training_set import PER_FRAME
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.params import read_section
from pipeline.predictor.context import PredictorConfig
from pipeline.predictor.predictor import Predictor
from pipeline.predictor.train_predictor_params import TrainPredictorParams

NUM_CLIPS = 2
"""Clips in a batch: with one alone SVG's batch normalisation has no variance."""
NUM_CHANNELS = 3
PARAMS = Path("params.yaml")


@dataclass(frozen=True)
class Step:
    """What is trained, and the loss of one batch of NUM_CLIPS clips."""

    modules: list[nn.Module]
    loss: Callable[[], Tensor]


def stage_1(resolution: int, num_frames: int, device: str) -> Step:
    """Autoencoder, with all frames of each clip rendered."""
    model, frames, proposals = _autoencoder(resolution, num_frames, device)
    return Step([model], lambda: reconstruction_loss(model, frames, proposals, _settings_1().loss)["loss"])


def stage_1_as_trained(resolution: int, num_frames: int, device: str) -> Step:
    """Autoencoder, with frames_per_clip random frames of each clip rendered, as the stage does it."""
    model, frames, proposals = _autoencoder(resolution, num_frames, device)
    rendered = min(num_frames, _settings_1().frames_per_clip)
    frames = frames[:, :rendered].clone()
    proposals = proposals.map(lambda name, x: x[:, :rendered].clone() if name in PER_FRAME else x)
    return Step([model], lambda: reconstruction_loss(model, frames, proposals, _settings_1().loss)["loss"])


def stage_2(resolution: int, num_frames: int, device: str) -> Step:
    """Predictor, from latents."""
    given = num_frames // 2
    with torch.device(device):
        spec = Autoencoder(_config(resolution)).spec
        predictor = _predictor(spec, num_frames)
        latents = Latents(**{name: torch.rand(NUM_CLIPS, *spec.shape(name, num_frames)) for name in CODES})
    context, target = latents.frames(0, given), latents.frames(given, num_frames)
    # early in the training, when the loss has one part more
    return Step([predictor], lambda: predictor.losses(context, target, progress=0.0)["loss"])


def end_to_end(resolution: int, num_frames: int, device: str) -> Step:
    """The networks of both stages, trained at once and through the pixels: context frames are reconstructed, the others
    predicted."""
    given = num_frames // 2
    model, frames, proposals = _autoencoder(resolution, num_frames, device)
    with torch.device(device):
        predictor = _predictor(model.spec, num_frames)
    context = proposals.map(lambda name, x: x[:, :given] if name in PER_FRAME else x)

    def loss() -> Tensor:
        latents = model.encode_proposals(context)
        block = predictor(latents)
        moving = (block.mode_logits.softmax(-1)[..., None, None] * block.moving).sum(2)
        visibility = (block.mode_logits.softmax(-1)[..., None] * block.visibility_logits.sigmoid()).sum(2)
        future = torch.cat([moving, visibility[..., None]], -1).transpose(1, 2)
        further = {n: c.transpose(1, 2) if CODES[n].owner == "object" else c for n, c in block.means.items()}
        whole = latents.append(pose=future, **further)
        return (model.decode(whole).frames - frames).square().mean()

    return Step([model, predictor], loss)


def convlstm(resolution: int, num_frames: int, device: str) -> Step:
    """ConvLSTM encoder-forecaster, 4 x 128 channels."""
    with torch.device(device):
        model, frames = ConvLSTMForecaster(), torch.rand(NUM_CLIPS, num_frames, NUM_CHANNELS, resolution, resolution)
    return Step([model], lambda: convlstm_loss(model, frames, num_frames // 2))


def svg_lp(resolution: int, num_frames: int, device: str) -> Step:
    """SVG-LP with a VGG encoder and decoder."""
    with torch.device(device):
        model = SVG(resolution, resolution)
        frames = torch.rand(NUM_CLIPS, num_frames, NUM_CHANNELS, resolution, resolution)
    return Step([model], lambda: svg_loss(model, frames, num_frames // 2))


METHODS = {
    "stage 2": stage_2, "stage 1, as trained": stage_1_as_trained, "stage 1, all frames": stage_1,
    "end to end": end_to_end, "ConvLSTM": convlstm, "SVG-LP": svg_lp,
}


def _settings_1() -> TrainAutoencoderParams:
    return read_section(PARAMS, "train_autoencoder", TrainAutoencoderParams)


def _config(resolution: int) -> AutoencoderConfig:
    return AutoencoderConfig(
        architecture=_settings_1().architecture, num_channels=NUM_CHANNELS, height=resolution, width=resolution
    )


def _autoencoder(resolution: int, num_frames: int, device: str) -> tuple[Autoencoder, Tensor, Proposals]:
    """The model, and clips already taken apart, as every step finds them."""
    with torch.device(device):
        model = Autoencoder(_config(resolution))
    frames, proposals = _clips(resolution, num_frames)
    return model, frames.to(device), proposals.map(lambda _, x: x.to(device))


@lru_cache(1)
def _clips(resolution: int, num_frames: int) -> tuple[Tensor, Proposals]:
    frames = torch.rand(
        NUM_CLIPS, num_frames, NUM_CHANNELS, resolution, resolution, generator=torch.Generator().manual_seed(0)
    )
    return frames, propose(frames, _settings_1().architecture)


def _predictor(spec: LatentSpec, num_frames: int) -> Predictor:
    settings = read_section(PARAMS, "train_predictor", TrainPredictorParams)
    given = num_frames // 2
    return Predictor(PredictorConfig(
        architecture=getattr(settings, settings.kind), spec=spec, context_frames=given, horizon=num_frames - given
    ))
