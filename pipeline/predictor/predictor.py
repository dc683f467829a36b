"""Continues latents by one block: the trained horizon at once, each object on one of several trajectories.

A trajectory is a straight line (fitted to the last frames of the context) that may come back from walls, plus a
residual; where the walls are, whether they hold and the residual are learned. Objects share all weights and look at one
another by attention, so that the order of the slots does not matter.

Legend: B batch, T context frames, W context frames trained on, K slots, H horizon trained on, M modes, D features,
P pose components, C camera components, D_* widths of the detail and the deformation code.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional

from pipeline import checkpoint
from pipeline.checkpoint import Checkpoint
from pipeline.latents.extrapolation import camera_straight_on, held, line_fit, straight_on
from pipeline.latents.latents import CAMERA, POSE, PRESENT, Latents, LatentSpec
from pipeline.params import Params
from pipeline.predictor.network_params import DeterministicParams, MixtureParams

KIND = "predictor"
VISIBILITY = POSE.index("visibility")
NUM_MOVING = VISIBILITY
"""Components of a pose that are real numbers; visibility, the last one, goes through a logit."""
_MAX_LOGIT = 6.0
_MARGIN_BIAS = -1.5
"""Training starts with walls about a tenth of the frame's size inside its edges."""
_LOG_SPREAD_RANGE = (-5.0, 3.0)
_QUIET_SHARE = 0.15


ArchitectureParams = Annotated[MixtureParams | DeterministicParams, Field(discriminator="kind")]


class PredictorConfig(Params):
    """All that decides the shapes of the weights."""

    architecture: ArchitectureParams
    spec: LatentSpec
    context_frames: int = Field(ge=2)
    """W: frames looked at; of a longer context the last ones, a shorter one is lengthened backwards in a line."""
    horizon: int = Field(ge=1)
    """H: frames predicted at once."""


class Block(NamedTuple):
    """The next H frames, as distributions. A spread is a standard deviation, in the unit of its mean."""

    mode_logits: Tensor  # [B, K, M]
    moving: Tensor  # [B, K, M, H, P - 1]: x, y in px and log_scale of each mode's trajectory
    moving_spread: Tensor  # [B, K, M, H, P - 1]
    visibility_logits: Tensor  # [B, K, M, H]
    camera: Tensor  # [B, H, C]
    camera_spread: Tensor  # [B, H, C]
    detail: Tensor  # [B, H, D_detail]
    detail_spread: Tensor  # [B, H, D_detail]
    deformation: Tensor  # [B, K, H, D_deformation], the same in all modes
    deformation_spread: Tensor  # [B, K, H, D_deformation]


class Predictor(nn.Module):
    """Call `fit_normalisation` once before training; the statistics are part of the weights."""

    def __init__(self, config: PredictorConfig):
        super().__init__()
        self.config = config
        self.spec = config.spec
        params, horizon, width = config.architecture, config.horizon, config.architecture.hidden_dim
        deformation_dim, num_scene = self.spec.deformation_dim, len(CAMERA) + self.spec.detail_dim
        num_features = config.context_frames * len(POSE) + 2 * NUM_MOVING + 4 + self.spec.appearance_dim
        num_features += (config.context_frames + 1) * deformation_dim
        num_camera_features = (config.context_frames + 1) * num_scene + 1
        self.normalise = Normalise(num_features)
        self.normalise_camera = Normalise(num_camera_features)
        self.register_buffer("residual_scale", torch.ones(horizon, NUM_MOVING))
        self.register_buffer("camera_scale", torch.ones(horizon, num_scene))
        self.embed = nn.Sequential(nn.Linear(num_features, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.layers = nn.ModuleList(SlotLayer(width, params.num_heads) for _ in range(params.num_layers))
        self.norm = nn.LayerNorm(width)
        self.mode_logits = nn.Linear(width, params.num_modes)
        self.moving = nn.Linear(width, params.num_modes * horizon * 2 * NUM_MOVING)
        self.walls = nn.Linear(width, params.num_modes * 3)
        self.visibility = nn.Linear(width, params.num_modes * horizon)
        self.camera = nn.Sequential(
            nn.Linear(num_camera_features + width, width), nn.GELU(), nn.Linear(width, horizon * 2 * num_scene)
        )
        nn.init.constant_(self.walls.bias.unflatten(0, (-1, 3))[:, :2], _MARGIN_BIAS)
        for last in (self.visibility, self.camera[-1]):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)
        self.moving.weight.data.mul_(0.1)
        self.deformation = nn.Linear(width, horizon * 2 * deformation_dim) if deformation_dim else None
        if self.deformation:
            self.register_buffer("deformation_scale", torch.ones(horizon, deformation_dim))
            nn.init.zeros_(self.deformation.weight)
            nn.init.zeros_(self.deformation.bias)

    def forward(self, context: Latents) -> Block:
        """Context of T >= 2 frames -> the block that follows it."""
        assert context.num_frames >= 2, f"{context.num_frames} context frames, wanted at least 2"
        context.check(self.spec)
        modes, horizon = self.config.architecture.num_modes, self.config.horizon
        objects = self.embed(self.normalise(self._object_features(context)))
        # An absent object is as good as invisible to the others.
        attention_bias = context.presence.clamp(min=1e-3).log()[:, None, None, :]
        for layer in self.layers:
            objects = layer(objects, attention_bias)
        objects = self.norm(objects)

        line = straight_on(context.pose, horizon)[..., :NUM_MOVING].transpose(1, 2)[:, :, None]
        course = self._course(line, self.walls(objects).unflatten(-1, (modes, 3)))
        residual, log_spread = self.moving(objects).unflatten(-1, (2, modes, horizon, NUM_MOVING)).unbind(2)
        visibility = held(context.pose, horizon)[..., VISIBILITY].transpose(1, 2)[:, :, None]
        scene = (objects * context.presence[..., None]).sum(1)
        camera = self.camera(torch.cat([self.normalise_camera(self._camera_features(context)), scene], -1))
        residual_of_scene, scene_log_spread = camera.unflatten(-1, (2, horizon, -1)).unbind(1)
        widths = len(CAMERA), self.spec.detail_dim
        camera, detail = (self._scene_straight_on(context) + residual_of_scene * self.camera_scale).split(widths, -1)
        spread = scene_log_spread.clamp(*_LOG_SPREAD_RANGE).exp() * self.camera_scale
        camera_spread, detail_spread = spread.split(widths, -1)
        deformation, deformation_spread = self._deformation(context, objects)
        return Block(
            mode_logits=self.mode_logits(objects),
            moving=course + self._quiet(residual * self.residual_scale),
            moving_spread=log_spread.clamp(*_LOG_SPREAD_RANGE).exp() * self.residual_scale,
            visibility_logits=_logit(visibility) + self.visibility(objects).unflatten(-1, (modes, horizon)),
            camera=camera, camera_spread=camera_spread, detail=detail, detail_spread=detail_spread,
            deformation=deformation, deformation_spread=deformation_spread,
        )

    @torch.no_grad()
    def fit_normalisation(self, clips: Latents) -> None:
        """Takes the statistics of training clips of W + H frames: of the inputs, and of how far a line misses."""
        context = clips.frames(0, self.config.context_frames)
        target = clips.frames(self.config.context_frames, self.config.context_frames + self.config.horizon)
        present = context.presence > PRESENT
        if present.any():
            self.normalise.fit(self._object_features(context)[present])
            error = (target.pose - straight_on(context.pose, self.config.horizon)).transpose(1, 2)[present]
            self.residual_scale.copy_(error[..., :NUM_MOVING].abs().mean(0).clamp(min=1e-3))
            if self.deformation:
                error = target.deformation - held(context.deformation, self.config.horizon)
                self.deformation_scale.copy_(error.transpose(1, 2)[present].abs().mean(0).clamp(min=1e-3))
        self.normalise_camera.fit(self._camera_features(context))
        error = _scene(target) - self._scene_straight_on(context)
        self.camera_scale.copy_(error.abs().mean(0).clamp(min=1e-3))

    def _course(self, line: Tensor, walls: Tensor) -> Tensor:
        """Lets the lines [B, K, 1, H, P - 1] of each mode come back from walls that lie inside the frame's edges.

        walls [B, K, M, 3]: logits of their distances in x and y from the edges (of half the frame) and of the share of
        the way back that is taken: 0 goes on through the wall. Gives [B, K, M, H, P - 1].
        """
        frame_size = line.new_tensor([self.spec.width, self.spec.height])
        low = walls[..., None, :2].sigmoid() * frame_size / 2
        share = walls[..., None, 2:].sigmoid()
        place = line[..., :2]
        way_back = 2 * torch.relu(low - place) - 2 * torch.relu(place - (frame_size - low))
        rest = line[..., 2:].expand(*way_back.shape[:-1], -1)
        return torch.cat([place + share * way_back, rest], -1)

    def _quiet(self, residual: Tensor) -> Tensor:
        """Draws residuals [..., H, P - 1] to zero that are small beside what a line misses in one frame: on a free stretch
        the line is exact, and a network's noise would only blur it."""
        small = _QUIET_SHARE * self.residual_scale[0]
        return residual * residual.square() / (residual.square() + small.square())

    def _object_features(self, context: Latents) -> Tensor:
        """[B, K, D]: the recent track relative to the line's end, that end and the slope, and what it belongs to."""
        track, known = self._window(context.pose)
        end, slope = line_fit(context.pose)
        relative = torch.cat([track[..., :NUM_MOVING] - end[:, None, :, :NUM_MOVING], track[..., VISIBILITY:]], -1)
        known = known.expand(*context.presence.shape, 1)
        return torch.cat([
            relative.transpose(1, 2).flatten(2), end[..., :NUM_MOVING], slope[..., :NUM_MOVING],
            end[..., POSE.index("log_scale"), None].exp(), context.appearance, context.depth[..., None],
            context.presence[..., None], known, *self._since_last(context.deformation, 2),
        ], -1)

    def _camera_features(self, context: Latents) -> Tensor:
        """[B, D]: the recent track of camera and detail relative to its last frame."""
        relative, last = self._since_last(_scene(context), 1)
        _, known = self._window(context.camera)
        return torch.cat([relative, last, known.expand(len(last), 1)], -1)

    def _since_last(self, track: Tensor, num_axes: int) -> tuple[Tensor, Tensor]:
        """The recent track [B, T, ..., D] relative to its last frame, all frames in one row, and that frame; each with
        `num_axes` axes before the row."""
        recent, last = self._window(track)[0], track[:, -1]
        return (recent - last[:, None]).movedim(1, -2).flatten(num_axes), last

    def _scene_straight_on(self, context: Latents) -> Tensor:
        """Camera and detail, continued without learning: [B, H, C + D_detail]."""
        horizon = self.config.horizon
        return torch.cat([camera_straight_on(context.camera, horizon), held(context.detail, horizon)], -1)

    def _deformation(self, context: Latents, objects: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread [B, K, H, D_deformation] from the objects' features [B, K, D]: what is there stays, but for a residual."""
        stays = held(context.deformation, self.config.horizon).transpose(1, 2)
        if not self.deformation:
            return stays, stays
        residual, log_spread = self.deformation(objects).unflatten(-1, (2, *stays.shape[2:])).unbind(2)
        return stays + residual * self.deformation_scale, log_spread.clamp(*_LOG_SPREAD_RANGE).exp() * self.deformation_scale

    def _window(self, track: Tensor) -> tuple[Tensor, Tensor]:
        """The last W frames of track [B, T, ...], and the share of them that is known rather than lengthened."""
        missing = max(0, self.config.context_frames - track.shape[1])
        known = track.new_tensor(1.0 - missing / self.config.context_frames)
        if missing:
            track = torch.cat([straight_on(track.flip(1), missing).flip(1), track], 1)
        return track[:, -self.config.context_frames:], known


class SlotLayer(nn.Module):
    """Attention across the slots, then a step of each on its own; both add to what is there."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention, self.norm_step = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.step = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, objects: Tensor, bias: Tensor) -> Tensor:
        """objects [B, K, width]; bias [B, 1, 1, K] is added to the attention paid to each."""
        heads = self.query_key_value(self.norm_attention(objects)).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        objects = objects + self.mix(seen.transpose(1, 2).flatten(2))
        return objects + self.step(self.norm_step(objects))


class Normalise(nn.Module):
    """Standardises features [..., D] by statistics of the training split; what never varied there is left out."""

    def __init__(self, num_features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("inverse_std", torch.ones(num_features))

    def fit(self, features: Tensor) -> None:
        """features [N, D]."""
        std = features.std(0, correction=0)
        self.mean.copy_(features.mean(0))
        self.inverse_std.copy_(torch.where(std > 1e-5, 1 / std.clamp(min=1e-5), 0.0))

    def forward(self, features: Tensor) -> Tensor:
        return ((features - self.mean) * self.inverse_std).clamp(-10, 10)


def _scene(latents: Latents) -> Tensor:
    """Camera and detail: what varies in time and belongs to no object, [B, T, C + D_detail]."""
    return torch.cat([latents.camera, latents.detail], -1)


def save_predictor(path: Path, predictor: Predictor, made_from: dict[str, str]) -> None:
    """Writes weights and configuration; made_from names latents and autoencoder."""
    config = predictor.config.model_dump(mode="json")
    checkpoint.save(path, KIND, predictor.state_dict(), config, made_from)


def load_predictor(path: Path) -> tuple[Predictor, Checkpoint]:
    """In eval mode. Raises UserError when the file is missing, damaged, of another kind or of another architecture."""
    return checkpoint.load_model(path, KIND, PredictorConfig, Predictor)


def _logit(share: Tensor) -> Tensor:
    return torch.logit(share, eps=1 / (1 + torch.exp(torch.tensor(_MAX_LOGIT)).item()))
