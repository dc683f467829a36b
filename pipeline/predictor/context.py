"""How a predictor sees a context: features of every object, which then look at one another, and of the scene.

Objects share all weights and look at one another by attention, so that the order of the slots does not matter; what does
not vary in time (appearance, presence, depth) is part of what is known of an object.

Legend: B batch, T context frames, W context frames trained on, K slots, H horizon trained on, D features,
P pose components, C camera components, D_* widths of the detail and the deformation code.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.latents.extrapolation import camera_straight_on, held, line_fit, pace, straight_on
from pipeline.latents.latents import CAMERA, POSE, Latents, LatentSpec
from pipeline.params import Params
from pipeline.predictor.block import NUM_MOVING, VISIBILITY
from pipeline.predictor.layers import Normalise, SlotLayer
from pipeline.predictor.network_params import ArchitectureParams, Augmentation
from pipeline.thresholds import PRESENT


class PredictorConfig(Params):
    """All that decides the shapes of the weights."""

    architecture: ArchitectureParams
    spec: LatentSpec
    context_frames: int = Field(ge=2)
    """W: frames looked at; of a longer context the last ones, a shorter one is lengthened backwards in a line."""
    horizon: int = Field(ge=1)
    """H: frames predicted at once."""
    augmentation: Augmentation = "motion"
    """Of the clips trained on."""


class ContextNetwork(nn.Module):
    """Call `fit_normalisation` once before training; the statistics are part of the weights."""

    def __init__(self, config: PredictorConfig):
        super().__init__()
        self.config = config
        self.spec = config.spec
        width = config.architecture.hidden_dim
        self.num_features = config.context_frames * len(POSE) + 2 * NUM_MOVING + 9 + self.spec.appearance_dim
        self.num_features += (config.context_frames + 1) * self.spec.deformation_dim
        num_scene = len(CAMERA) + self.spec.detail_dim
        self.num_scene_features = (config.context_frames + 1) * num_scene + 1
        self.normalise = Normalise(self.num_features)
        self.normalise_camera = Normalise(self.num_scene_features)
        self.register_buffer("residual_scale", torch.ones(config.horizon, NUM_MOVING))
        self.register_buffer("camera_scale", torch.ones(config.horizon, num_scene))
        self.embed = nn.Sequential(nn.Linear(self.num_features, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.layers = nn.ModuleList(
            SlotLayer(width, config.architecture.num_heads) for _ in range(config.architecture.num_layers)
        )
        self.norm = nn.LayerNorm(width)
        if self.spec.deformation_dim:
            self.register_buffer("deformation_scale", torch.ones(config.horizon, self.spec.deformation_dim))

    def see(self, context: Latents) -> tuple[Tensor, Tensor, Tensor]:
        """Of a context of T >= 2 frames: each object alone, [B, K, num_features]; among the others, [B, K, width]; and the
        scene, [B, num_scene_features + width]."""
        assert context.num_frames >= 2, f"{context.num_frames} context frames, wanted at least 2"
        context.check(self.spec)
        alone = self.normalise(self._object_features(context))
        objects = self.embed(alone)
        # An absent object is as good as invisible to the others.
        bias = context.presence.clamp(min=1e-3).log()[:, None, None, :]
        for layer in self.layers:
            objects = layer(objects, bias)
        objects = self.norm(objects)
        together = (objects * context.presence[..., None]).sum(1)
        return alone, objects, torch.cat([self.normalise_camera(self._camera_features(context)), together], -1)

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
            if self.spec.deformation_dim:
                error = target.deformation - held(context.deformation, self.config.horizon)
                self.deformation_scale.copy_(error.transpose(1, 2)[present].abs().mean(0).clamp(min=1e-3))
        self.normalise_camera.fit(self._camera_features(context))
        error = _scene_codes(target) - self.scene_straight_on(context)
        self.camera_scale.copy_(error.abs().mean(0).clamp(min=1e-3))

    def scene_straight_on(self, context: Latents) -> Tensor:
        """Camera and detail, continued without learning: [B, H, C + D_detail]."""
        horizon = self.config.horizon
        return torch.cat([camera_straight_on(context.camera, horizon), held(context.detail, horizon)], -1)

    def _object_features(self, context: Latents) -> Tensor:
        """[B, K, D]: the recent track relative to the line's end, that end and the slope; where its pace has led, that pace and
        its length; and what the track belongs to."""
        track, known = self._window(context.pose)
        end, slope = line_fit(context.pose)
        relative = torch.cat([track[..., :NUM_MOVING] - end[:, None, :, :NUM_MOVING], track[..., VISIBILITY:]], -1)
        known = known.expand(*context.presence.shape, 1)
        place, speed = pace(track[..., :2])
        return torch.cat([
            relative.transpose(1, 2).flatten(2), end[..., :NUM_MOVING], slope[..., :NUM_MOVING],
            place - end[..., :2], speed, speed.norm(dim=-1, keepdim=True),
            end[..., POSE.index("log_scale"), None].exp(), context.appearance, context.depth[..., None],
            context.presence[..., None], known, *self._since_last(context.deformation, 2),
        ], -1)

    def _camera_features(self, context: Latents) -> Tensor:
        """[B, D]: the recent track of camera and detail relative to its last frame."""
        relative, last = self._since_last(_scene_codes(context), 1)
        _, known = self._window(context.camera)
        return torch.cat([relative, last, known.expand(len(last), 1)], -1)

    def _since_last(self, track: Tensor, num_axes: int) -> tuple[Tensor, Tensor]:
        """The recent track [B, T, ..., D] relative to its last frame, all frames in one row, and that frame; each with
        `num_axes` axes before the row."""
        recent, last = self._window(track)[0], track[:, -1]
        return (recent - last[:, None]).movedim(1, -2).flatten(num_axes), last

    def _window(self, track: Tensor) -> tuple[Tensor, Tensor]:
        """The last W frames of track [B, T, ...], and the share of them that is known rather than lengthened."""
        missing = max(0, self.config.context_frames - track.shape[1])
        known = track.new_tensor(1.0 - missing / self.config.context_frames)
        if missing:
            track = torch.cat([straight_on(track.flip(1), missing).flip(1), track], 1)
        return track[:, -self.config.context_frames:], known


def _scene_codes(latents: Latents) -> Tensor:
    """Camera and detail: what varies in time and belongs to no object, [B, T, C + D_detail]."""
    return torch.cat([latents.camera, latents.detail], -1)
