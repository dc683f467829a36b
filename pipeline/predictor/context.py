"""How a predictor sees a context: features of every object, which then look at one another, and of the scene.

Objects share all weights and look at one another by attention, so that the order of the slots does not matter; what
does not vary in time (appearance, presence, depth) is part of what is known of an object.

Legend: B batch, T context frames, W context frames trained on, K slots, H horizon trained on, D features,
P pose components.
"""

from collections.abc import Collection

import torch
from pydantic import Field
from torch import Tensor, nn

from pipeline.frames.frame_format import Preparation
from pipeline.latents import pose as poses
from pipeline.latents.codes import CODES, Owner, time_independent, time_varying
from pipeline.latents.extrapolation import go_on, line_fit, straight_on
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.params import Params
from pipeline.predictor.layers import Normalise, SlotLayer
from pipeline.predictor.network_params import ArchitectureParams, Augmentation
from pipeline.predictor.pace import pace
from pipeline.thresholds import PRESENT

NUM_OF_PLACE = 2
"""Numbers of a pose that are learned: x and y. Shapes go on as the table of codes says; on real clips what a network
added to that was borne out in two steps of ten, and it cost the places .1 dB."""
_NUM_OF_COURSE = 2 * poses.NUM_MOVING + 6
"""Features of an object's course beside its recent track: end and slope of its line; where its pace has led, that pace
and its length; its size."""


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
    prepared: Preparation = Preparation()
    """How the frames of these clips were, before they were encoded."""


class ContextNetwork(nn.Module):
    """Call `fit_normalisation` once before training; the statistics are part of the weights."""

    residual_scale: Tensor
    camera_scale: Tensor
    object_scale: Tensor

    def __init__(self, config: PredictorConfig):
        super().__init__()
        self.config = config
        self.spec = config.spec
        width = config.architecture.hidden_dim
        self.scene_codes, self.object_codes = self._continued("scene"), self._continued("object")
        num_scene, num_of_objects = (sum(codes.values()) for codes in (self.scene_codes, self.object_codes))
        fixed = sum(self.spec.width_of(code) for code in time_independent() if code.owner == "object")
        self.num_features = config.context_frames * len(poses.COMPONENTS) + _NUM_OF_COURSE + fixed + 1
        self.num_features += (config.context_frames + 1) * num_of_objects
        self.num_scene_features = (config.context_frames + 1) * num_scene + 1
        self.normalise = Normalise(self.num_features)
        self.normalise_camera = Normalise(self.num_scene_features)
        self.register_buffer("residual_scale", torch.ones(config.horizon, NUM_OF_PLACE))
        self.register_buffer("camera_scale", torch.ones(config.horizon, num_scene))
        self.embed = nn.Sequential(nn.Linear(self.num_features, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.layers = nn.ModuleList(
            SlotLayer(width, config.architecture.num_heads) for _ in range(config.architecture.num_layers)
        )
        self.norm = nn.LayerNorm(width)
        if num_of_objects:
            self.register_buffer("object_scale", torch.ones(config.horizon, num_of_objects))

    def _continued(self, owner: Owner) -> dict[str, int]:
        """The time-varying codes of scene or objects that are continued by a mean and a spread, all but the pose, and
        the width of each; those of width 0 are left out."""
        widths = {code.name: self.spec.width_of(code) for code in time_varying() if code.owner == owner}
        return {name: width for name, width in widths.items() if width and name != "pose"}

    def see(self, context: Latents) -> tuple[Tensor, Tensor, Tensor]:
        """Of a context of T >= 2 frames: each object alone, [B, K, num_features]; among the others, [B, K, width]; and
        the scene, [B, num_scene_features + width]."""
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
        return alone, objects, torch.cat([self.normalise_camera(self._scene_features(context)), together], -1)

    @torch.no_grad()
    def fit_normalisation(self, clips: Latents) -> None:
        """Takes the statistics of training clips of W + H frames: of the inputs, and of how far a line misses."""
        context = clips.frames(0, self.config.context_frames)
        target = clips.frames(self.config.context_frames, self.config.context_frames + self.config.horizon)
        present = context.presence > PRESENT
        if present.any():
            self.normalise.fit(self._object_features(context)[present])
            line = straight_on(poses.place(context.pose), self.config.horizon)
            error = (poses.place(target.pose) - line).transpose(1, 2)[present]
            self.residual_scale.copy_(error.abs().mean(0).clamp(min=1e-3))
            if self.object_codes:
                error = joined(target, self.object_codes) - self.going_on(context, self.object_codes)
                self.object_scale.copy_(error.transpose(1, 2)[present].abs().mean(0).clamp(min=1e-3))
        self.normalise_camera.fit(self._scene_features(context))
        error = joined(target, self.scene_codes) - self.going_on(context, self.scene_codes)
        self.camera_scale.copy_(error.abs().mean(0).clamp(min=1e-3))

    def going_on(self, context: Latents, codes: Collection[str]) -> Tensor:
        """These codes continued without learning, side by side: [B, H, ..., their widths]."""
        return torch.cat([go_on(CODES[name], context.codes[name], self.config.horizon) for name in codes], -1)

    def _object_features(self, context: Latents) -> Tensor:
        """[B, K, D]: the recent track relative to the line's end, that end and the slope; where its pace has led, that
        pace and its length; and what the track belongs to."""
        track, known = self._window(context.pose)
        end, slope = line_fit(context.pose)
        from_end = poses.moving(track) - poses.moving(end)[:, None]
        relative = torch.cat([from_end, poses.visibility(track)[..., None]], -1)
        known = known.expand(*context.presence.shape, 1)
        place, speed = pace(poses.place(track))
        fixed = [code.name for code in time_independent() if code.owner == "object" and code.name != "presence"]
        return torch.cat([
            relative.transpose(1, 2).flatten(2), poses.moving(end), poses.moving(slope),
            place - poses.place(end), speed, speed.norm(dim=-1, keepdim=True), poses.scale(end)[..., None],
            *(context.codes[name].reshape(*known.shape[:2], -1) for name in fixed), context.presence[..., None], known,
            *self._since_last(context, self.object_codes, 2),
        ], -1)

    def _scene_features(self, context: Latents) -> Tensor:
        """[B, D]: the recent tracks of the scene's codes relative to their last frame."""
        relative, last = self._since_last(context, self.scene_codes, 1)
        _, known = self._window(context.camera)
        return torch.cat([relative, last, known.expand(len(last), 1)], -1)

    def _since_last(self, context: Latents, codes: Collection[str], num_axes: int) -> tuple[Tensor, ...]:
        """The recent tracks of these codes [B, T, ..., D] relative to their last frame, all frames in one row, and that
        frame; each with `num_axes` axes before the row. Nothing where there are no such codes."""
        if not codes:
            return ()
        track = joined(context, codes)
        recent, last = self._window(track)[0], track[:, -1]
        return (recent - last[:, None]).movedim(1, -2).flatten(num_axes), last

    def _window(self, track: Tensor) -> tuple[Tensor, Tensor]:
        """The last W frames of track [B, T, ...], and the share of them that is known rather than lengthened."""
        missing = max(0, self.config.context_frames - track.shape[1])
        known = track.new_tensor(1.0 - missing / self.config.context_frames)
        if missing:
            track = torch.cat([straight_on(track.flip(1), missing).flip(1), track], 1)
        return track[:, -self.config.context_frames:], known


def joined(latents: Latents, codes: Collection[str]) -> Tensor:
    """These codes side by side: [B, T, ..., their widths]."""
    return torch.cat([latents.codes[name] for name in codes], -1)
