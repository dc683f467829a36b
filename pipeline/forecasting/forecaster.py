"""The two models at work together: context frames in, futures as latents, frames and pictures out.

Legend: n clips, S samples, T = context_frames + horizon, C channels, H W px. Frames are uint8 [..., H, W, C].
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import nn

from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.params import Params
from pipeline.pictures.animations import forecast_animation, layers_animation, write_animations
from pipeline.pictures.layers import layers_of_clip
from pipeline.predictor.futures import draw_futures
from pipeline.progress import progress

ReadContext = Callable[[int, int], np.ndarray]
"""Gives the context frames of the clips start <= i < stop."""


class GenerateParams(Params):
    """What to forecast."""

    context_frames: int | None = Field(ge=2)
    """Frames given; null: as many as the predictor was trained with."""
    horizon: int | None = Field(ge=1)
    """Frames to predict; null: as many as the predictor was trained for."""
    num_samples: int = Field(ge=1)
    """Futures drawn per clip."""
    num_pictures: int = Field(ge=0)
    """Clips drawn as animations."""
    batch_size: int = Field(ge=1)
    """Clips encoded at once."""
    seed: int = Field(ge=0)
    """A clip's futures depend on this, its name and its context alone."""


@dataclass(frozen=True)
class Forecaster:
    """An autoencoder (with encode, decode, spec and config.num_channels) and the predictor trained on its latents."""

    autoencoder: nn.Module
    predictor: nn.Module
    context_frames: int
    horizon: int
    num_samples: int
    seed: int
    made_from: dict[str, str]
    """Identities of both models' weights."""

    @property
    def num_frames(self) -> int:
        return self.context_frames + self.horizon

    @property
    def spec(self) -> LatentSpec:
        return self.autoencoder.spec

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.spec.height, self.spec.width, self.autoencoder.config.num_channels

    @torch.inference_mode()
    def forecast(self, context: np.ndarray, names: list[str]) -> list[Latents]:
        """Context [n, context_frames, H, W, C] -> one Latents per clip: batch axis S, time axis T, on the CPU."""
        assert context.shape[1:] == (self.context_frames, *self.frame_shape), f"{context.shape}"
        latents = self.autoencoder.encode(to_unit(context).to(_device(self.autoencoder)))
        futures = draw_futures(self.predictor, latents, names, self.horizon, self.num_samples, self.seed)
        return [samples.map(torch.Tensor.cpu) for samples in futures]

    def forecast_all(
        self, video_id: Sequence[str], first_frame: Sequence[int], read_context: ReadContext, batch_size: int,
    ) -> Iterator[Latents]:
        """Forecasts clip after clip. A clip is named by video_id and first_frame; its name decides what is drawn."""
        names = [f"{video} {frame}" for video, frame in zip(video_id, first_frame)]
        with progress("forecasting", len(names), "clips") as advance:
            for start in range(0, len(names), batch_size):
                batch = names[start:start + batch_size]
                for futures in self.forecast(read_context(start, start + len(batch)), batch):
                    yield futures
                    advance()

    @torch.inference_mode()
    def predicted_frames(self, futures: Latents) -> np.ndarray:
        """Futures of one clip -> its predicted frames [S, horizon, H, W, C]."""
        return to_uint8(self._decode(futures.frames(self.context_frames, self.num_frames)).frames)

    @torch.inference_mode()
    def draw(self, folder: Path, prefix: str, target: np.ndarray, futures: Latents, fps: float, title: str) -> None:
        """Writes PREFIXforecast and PREFIXlayers, .gif and .mp4, of one clip. target [T, H, W, C], or its context alone
        where the future is not known."""
        decoded = self._decode(futures)
        forecast = forecast_animation(target, to_uint8(decoded.frames), self.context_frames, title)
        write_animations(folder, f"{prefix}forecast", forecast, fps)
        layers = layers_animation(target, layers_of_clip(decoded, 0), self.context_frames, title)
        write_animations(folder, f"{prefix}layers", layers, fps)

    def _decode(self, latents: Latents):
        device = _device(self.autoencoder)
        return self.autoencoder.decode(latents.map(lambda code: code.to(device)))


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
