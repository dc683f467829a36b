"""The two models at work together: context frames in, futures as latents, frames and pictures out.

Legend: n clips, S samples, T = context_frames + horizon, C channels, H W px. Frames are uint8 [..., H, W, C].
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.autoencoder.autoencoder import Autoencoder, load_autoencoder
from pipeline.autoencoder.layer_pictures import Decoded, Pictures
from pipeline.autoencoder.many_clips import taking_apart
from pipeline.autoencoder.proposals import Proposals
from pipeline.forecasting.generate_params import GenerateParams
from pipeline.forecasting.maps import occupancy_map, spread_map
from pipeline.forecasting.scene import Scene
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.pixels import to_uint8, to_unit
from pipeline.frames.prediction_store import MAPS
from pipeline.latents import pose as poses
from pipeline.latents.extrapolation import linear_extrapolation
from pipeline.latents.latents import Latents, LatentSpec, concatenate
from pipeline.pictures.animations import forecast_animation, layers_animation, write_animations
from pipeline.pictures.baselines import sample_name
from pipeline.pictures.layers import layers_of_clip
from pipeline.predictor.futures import draw_futures
from pipeline.predictor.predictor import Predictor, load_predictor
from pipeline.predictor.spread import Spread
from pipeline.progress import progress
from pipeline.provenance import check_made_from

ReadContext = Callable[[int, int], np.ndarray]
"""Gives the context frames of the clips start <= i < stop."""
_LINES_AT_ONCE = 16
"""Clips whose straight lines are found together: products of few rows are rounded another way than those of many, and
evaluate, which measures where these lines lead, looks at many."""


@dataclass(frozen=True)
class Forecast:
    """The drawn futures of one clip."""

    latents: Latents
    """Batch axis S, time axis T: context and future."""
    pictures: Pictures | None
    """The layers carried over from the context (batch axis 1); None: as the codes describe them."""
    context: np.ndarray | None
    """uint8 [context_frames, H, W, C]: the frames that are carried on beside the layers; None: none are."""


@dataclass(frozen=True)
class DrawnForecast:
    """A forecast in pixels."""

    forecast: Forecast
    frames: np.ndarray
    """uint8 [S, horizon, H, W, C]"""
    straight_on: np.ndarray
    """uint8 [horizon, H, W, C] what the clip would be if every object went on in a straight line, drawn and
    mixed alike"""
    context_segmentation: np.ndarray
    """uint8 [context_frames, H, W] which slot the drawn context shows where: 0 background, k + 1 slot k"""
    maps: dict[str, np.ndarray]
    """How sure it is, by the maps that the forecaster is asked for: spread uint8 [horizon, H, W] in 1/510 of the range
    and occupancy uint8 [horizon, K, H, W] in 1/255, see pipeline.forecasting.maps"""


@dataclass(frozen=True)
class Forecaster:
    """An autoencoder and the predictor trained on its latents."""

    autoencoder: Autoencoder
    predictor: Predictor
    context_frames: int
    horizon: int
    num_samples: int
    spread: Spread
    carry_pictures: bool
    seed: int
    made_from: dict[str, str]
    """Identities of both models' weights."""
    maps: tuple[str, ...] = MAPS
    """Which maps are drawn: spread, occupancy, both or none."""

    @property
    def num_frames(self) -> int:
        return self.context_frames + self.horizon

    @property
    def spec(self) -> LatentSpec:
        return self.autoencoder.spec

    @property
    def form(self) -> FrameFormat:
        """The form in which frames are wanted."""
        return self.autoencoder.config.form

    @property
    def object_px(self) -> float:
        """Width of an object at log_scale 0."""
        return self.autoencoder.config.architecture.object_px

    @property
    def frame_shape(self) -> tuple[int, int, int]:
        """Height, width, channels."""
        return self.spec.height, self.spec.width, self.autoencoder.config.num_channels

    @torch.inference_mode()
    def look(self, context: np.ndarray, proposals: Proposals | None = None) -> list[Scene]:
        """Takes the context [n, context_frames, H, W, C] of clips apart, or knows them by the proposals where that is
        done already."""
        assert context.shape[1:] == (self.context_frames, *self.frame_shape), f"{context.shape}"
        frames = to_unit(context).to(_device(self.autoencoder))
        latents, pictures = self.autoencoder.encode_with_pictures(frames, proposals)

        def clip(i: int) -> Scene:
            own = pictures.map(lambda x: x[i:i + 1]) if self.carry_pictures else None
            return Scene(latents.map(lambda code: code[i:i + 1]), own, context[i] if self.carry_pictures else None)

        return [clip(i) for i in range(len(context))]

    @torch.inference_mode()
    def carry_on(self, scene: Scene, name: str) -> Forecast:
        """Draws the futures of a clip of this name, on the CPU."""
        futures = draw_futures(
            self.predictor, scene.latents, name, self.horizon, self.num_samples, self.seed, self.spread
        )
        height, width, _ = self.frame_shape
        pose = poses.hidden_outside(futures.pose, self.object_px, height, width)
        futures = futures.replace(pose=pose)
        pictures = scene.pictures and scene.pictures.map(torch.Tensor.cpu)
        return Forecast(futures.map(torch.Tensor.cpu), pictures, scene.frames)

    def forecast_all(
        self, video_id: Sequence[str] | np.ndarray, first_frame: Sequence[int] | np.ndarray, read_context: ReadContext,
        batch_size: int,
    ) -> Iterator[Forecast]:
        """Forecasts clip after clip. A clip is named by video_id and first_frame; its name decides what is drawn."""
        names = [clip_name(video, frame) for video, frame in zip(video_id, first_frame, strict=True)]
        model, n = self.autoencoder, len(names)
        contexts = (read_context(start, min(start + batch_size, n)) for start in range(0, n, batch_size))
        apart = taking_apart(model.config.architecture, model.scenes, _device(model), n)
        with progress("forecasting", n, "clips") as advance, apart as take_apart:
            scenes = (scene for context, proposals in take_apart(contexts) for scene in self.look(context, proposals))
            for scene, name in zip(scenes, names, strict=True):
                yield self.carry_on(scene, name)
                advance()

    def predicted_frames(self, forecast: Forecast) -> np.ndarray:
        """The predicted frames uint8 [S, horizon, H, W, C] of one clip."""
        return next(self.draw_frames([forecast])).frames

    @torch.inference_mode()
    def draw_frames(self, forecasts: Iterable[Forecast]) -> Iterator[DrawnForecast]:
        """The forecasts in pixels, beside straight lines."""
        forecasts = iter(forecasts)
        while batch := list(islice(forecasts, _LINES_AT_ONCE)):
            contexts = concatenate([forecast.latents.map(lambda code: code[:1]) for forecast in batch])
            lines = linear_extrapolation(contexts.frames(0, self.context_frames), self.horizon)
            for i, forecast in enumerate(batch):
                line = lines.map(lambda code: code[i:i + 1])  # noqa: B023, called at once
                shown = self._decode(line.frames(0, self.context_frames), forecast.pictures)
                segmentation = shown.segmentation()[0].to(torch.uint8).cpu().numpy()
                futures = [latents.frames(self.context_frames, self.num_frames) for latents in (forecast.latents, line)]
                drawn = [self._decode(future, forecast.pictures) for future in futures]
                mixed, straight = (to_uint8(x) for x in self._mixed(forecast, line, futures, drawn))
                yield DrawnForecast(forecast, mixed, straight[0], segmentation, self._maps(mixed, drawn[0]))

    def _maps(self, frames: np.ndarray, drawn: Decoded) -> dict[str, np.ndarray]:
        found = {}
        if "spread" in self.maps:
            found["spread"] = spread_map(frames)
        if "occupancy" in self.maps:
            found["occupancy"] = occupancy_map(drawn.segmentation().cpu().numpy(), self.spec.num_slots)
        return found

    def _mixed(
        self, forecast: Forecast, line: Latents, futures: list[Latents], drawn: list[Decoded],
    ) -> tuple[Tensor, Tensor]:
        """Predicted frames [S, horizon, C, H, W] and those of the straight `line` [1, horizon, C, H, W]: layers alone,
        or beside the carried frames of the context. futures: of the prediction, then of the line, after the context;
        drawn: what they are decoded to."""
        mix, trust = self.autoencoder.mix, self.predictor.trust
        if mix is None or forecast.context is None:
            return drawn[0].frames, drawn[1].frames
        carried = self.autoencoder.carry_on(forecast.context, self.horizon)
        steps = torch.arange(self.horizon).clamp(max=len(trust) - 1)
        learned = trust[steps.to(trust.device)]
        trusts = learned, torch.zeros_like(learned)  # a straight line is as good as a straight line
        last = line.frames(self.context_frames - 1, self.context_frames)
        shown, frame = self._decode(last, forecast.pictures), to_unit(forecast.context[-1])
        mixed = []
        for future, decoded, trust in zip(futures, drawn, trusts, strict=True):
            left = self.autoencoder.remainder(frame.to(decoded.frames), last, shown, future, decoded)
            mixed.append(mix(carried.beside(decoded.frames, decoded.alpha, left), trust))
        return mixed[0], mixed[1]

    @torch.inference_mode()
    def draw(
        self, folder: Path, prefix: str, target: np.ndarray, drawn: DrawnForecast, fps: float, title: str,
    ) -> None:
        """Writes PREFIXforecast and PREFIXlayers, .gif and .mp4, of one clip. target [T, H, W, C], or its context alone
        where the future is not known."""
        animation = forecast_animation(target, drawn.frames, drawn.straight_on, self.context_frames, title)
        write_animations(folder, f"{prefix}forecast", animation, fps)
        first = self._decode(drawn.forecast.latents.map(lambda code: code[:1]), drawn.forecast.pictures)
        title += f", layers of the {sample_name(0, self.num_samples)}"
        layers = layers_animation(target, layers_of_clip(first, 0), self.context_frames, title)
        write_animations(folder, f"{prefix}layers", layers, fps)

    def _decode(self, latents: Latents, pictures: Pictures | None) -> Decoded:
        device = _device(self.autoencoder)
        if pictures is not None:
            pictures = pictures.map(lambda x: x.to(device).expand(len(latents), *x.shape[1:]))
        return self.autoencoder.decode(latents.to(device), pictures)


def clip_name(video_id: str, first_frame: int) -> str:
    return f"{video_id} {first_frame}"


def load_forecaster(autoencoder: Path, predictor: Path, params: GenerateParams) -> Forecaster:
    """Both models, on the GPU where there is one. Raises UserError when the predictor was trained on another
    autoencoder's latents."""
    frame_model, frame_weights = load_autoencoder(autoencoder)
    latent_model, latent_weights = load_predictor(predictor)
    check_made_from(predictor, latent_weights.made_from, "autoencoder", autoencoder, frame_weights.identity)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return Forecaster(
        frame_model.to(device), latent_model.to(device), num_samples=params.num_samples, spread=params.spread,
        seed=params.seed, carry_pictures=params.carry_pictures,
        context_frames=params.context_frames or latent_weights.config["context_frames"],
        horizon=params.horizon or latent_weights.config["horizon"],
        made_from={"autoencoder": frame_weights.identity, "predictor": latent_weights.identity},
        maps=tuple(name for name, wanted in (("spread", params.write_spread), ("occupancy", params.write_occupancy))
                   if wanted),
    )


def _device(model: nn.Module) -> torch.device:
    return next(model.parameters()).device
