"""Continues latents frame by frame: a causal transformer over the frames of each slot and across the slots of each frame.

What it predicts of a frame is a block of one step: a mixture of residuals to the line through the last frames, folded back at
walls. In training every frame of a clip but the first is predicted from those before it at once (teacher forcing), with
noise on what is seen so that its own errors do not carry it away. In a rollout keys and values of earlier frames are kept.

Legend: B batch, T frames, K slots, S = K + 1 tokens of a frame (its objects, then its scene), D features.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.latents.extrapolation import camera_straight_on, line_fit
from pipeline.latents.latents import CAMERA, POSE, PRESENT, Latents
from pipeline.predictor.block import Block, draw
from pipeline.predictor.draws import Draws
from pipeline.predictor.layers import Normalise, SlotLayer
from pipeline.predictor.losses import surprise
from pipeline.predictor.predictor_config import PredictorConfig
from pipeline.predictor.predictor import (
    LOG_SPREAD_RANGE, NUM_MOVING, VISIBILITY, Predictor, attention_bias, scene_codes, visibility_logit,
)
from pipeline.predictor.spread import Spread
from pipeline.predictor.walls import MARGIN_BIAS, fold

_NOISE_SHARE = 0.3
"""Noise on the places that are seen in training, in what a line misses in one frame."""
Cache = list[tuple[Tensor, Tensor]]
"""Keys and values [B * S, heads, T, D / heads] of each layer."""


class AutoregressivePredictor(Predictor):
    """Of a horizon of H frames it knows nothing: it predicts the next frame, from up to W + H before it."""

    def __init__(self, config: PredictorConfig):
        super().__init__(config)
        params, width = config.architecture, config.architecture.hidden_dim
        self.window = config.context_frames + config.horizon
        num_scene, deformation_dim = len(CAMERA) + self.spec.detail_dim, self.spec.deformation_dim
        num_features = 4 * NUM_MOVING + 4 + self.spec.appearance_dim + 2 * deformation_dim
        self.normalise, self.normalise_scene = Normalise(num_features), Normalise(2 * num_scene)
        self.register_buffer("moving_scale", torch.ones(NUM_MOVING))
        self.register_buffer("scene_scale", torch.ones(num_scene))
        self.register_buffer("deformation_scale", torch.ones(deformation_dim))
        self.embed = nn.Sequential(nn.Linear(num_features, width), nn.GELU(), nn.Linear(width, width))
        self.embed_scene = nn.Sequential(nn.Linear(2 * num_scene, width), nn.GELU(), nn.Linear(width, width))
        self.over_time = nn.ModuleList(TimeAttention(width, params.num_heads, self.window) for _ in range(params.num_layers))
        self.over_slots = nn.ModuleList(SlotLayer(width, params.num_heads) for _ in range(params.num_layers))
        self.norm = nn.LayerNorm(width)
        modes = params.num_modes
        self.heads = nn.Linear(width, modes * (1 + 2 * NUM_MOVING + 3 + 1))
        self.heads.weight.data.mul_(0.1)
        self.scene_head = nn.Linear(width, 2 * num_scene)
        self.deformation_head = nn.Linear(width, 2 * deformation_dim) if deformation_dim else None
        for last in filter(None, (self.scene_head, self.deformation_head)):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    @torch.no_grad()
    def fit_normalisation(self, clips: Latents) -> None:
        present = (clips.presence > PRESENT)[:, None].expand(-1, clips.num_frames - 1, -1)
        if present.any():
            objects, scene = self._features(clips)
            self.normalise.fit(objects[:, 1:][present])
            self.normalise_scene.fit(scene[:, 1:].flatten(0, 1))
            end, slope = _lines(clips.pose)
            error = (clips.pose[:, 2:] - end[:, 1:-1] - slope[:, 1:-1])[..., :NUM_MOVING][present[:, 1:]]
            self.moving_scale.copy_(error.abs().mean(0).clamp(min=1e-3))
            if self.spec.deformation_dim:
                self.deformation_scale.copy_(clips.deformation.diff(dim=1)[present].abs().mean(0).clamp(min=1e-3))
        self.scene_scale.copy_(scene_codes(clips).diff(dim=1).abs().mean((0, 1)).clamp(min=1e-3))

    def losses(self, context: Latents, target: Latents, progress: float = 1.0) -> dict[str, Tensor]:
        clips = context.append(pose=target.pose, camera=target.camera, detail=target.detail, deformation=target.deformation)
        seen = clips
        if self.training:
            noise = torch.randn_like(clips.pose[..., :NUM_MOVING]) * self.moving_scale * _NOISE_SHARE
            seen = clips.replace(pose=clips.pose + functional.pad(noise, (0, 1)))
        blocks = self._blocks(seen.frames(0, clips.num_frames - 1), None, 0)[0]
        # The first frame has no line yet.
        steps = {name: code[:, 2:].flatten(0, 1)[:, None] for name, code in clips.items().items()
                 if name in ("pose", "camera", "detail", "deformation")}
        again = clips.num_frames - 2
        codes = {name: code.repeat_interleave(again, 0) for name, code in clips.items().items() if name not in steps}
        return surprise(Block(*(x[:, 1:].flatten(0, 1) for x in blocks)), Latents(**codes, **steps))

    def futures(self, context: Latents, draws: Draws, spread: Spread) -> Iterator[dict[str, Tensor]]:
        assert context.num_frames >= 2, f"{context.num_frames} context frames, wanted at least 2"
        cache, known = None, 0
        while True:
            blocks, cache = self._blocks(context, cache, known)
            known = context.num_frames
            codes = draw(Block(*(x[:, -1] for x in blocks)), draws, spread)
            yield codes
            context = context.append(**codes)

    def _blocks(self, clips: Latents, cache: Cache | None, known: int) -> tuple[Block, Cache]:
        """Of every frame t >= known the block of one step that follows it, axes [B, T - known, ...]; `cache`: of the frames
        before."""
        tail = clips.frames(max(0, known - 5), clips.num_frames)
        objects, scene = self._features(tail)
        new = clips.num_frames - known
        presence = clips.presence[:, None, :, None]
        tokens = torch.cat([
            self.embed(self.normalise(objects[:, -new:]) * presence), self.embed_scene(self.normalise_scene(scene[:, -new:]))[:, :, None]
        ], 2)  # [B, T, S, D]
        bias = functional.pad(attention_bias(clips), (0, 1)).repeat_interleave(new, 0)
        batch, kept = len(tokens), []
        for i, (over_time, over_slots) in enumerate(zip(self.over_time, self.over_slots)):
            tokens = tokens.transpose(1, 2).flatten(0, 1)
            tokens, pair = over_time(tokens, cache[i] if cache else None)
            kept.append(pair)
            tokens = tokens.unflatten(0, (batch, -1)).transpose(1, 2).flatten(0, 1)
            tokens = over_slots(tokens, bias).unflatten(0, (batch, -1))
        tokens = self.norm(tokens)
        return self._heads(tail.frames(0, tail.num_frames), tokens[:, :, :-1], tokens[:, :, -1], new), kept

    def _heads(self, clips: Latents, objects: Tensor, scene: Tensor, new: int) -> Block:
        modes = self.config.architecture.num_modes
        end, slope = (x[:, -new:, :, None, None] for x in _lines(clips.pose))  # [B, T, K, 1, 1, P]
        parts = self.heads(objects).unflatten(-1, (modes, -1)).split([1, NUM_MOVING, NUM_MOVING, 3, 1], -1)
        mode_logits, residual, log_spread, walls, seen = parts
        track = (end + slope)[..., :NUM_MOVING] + (residual * self.moving_scale)[..., None, :]
        walls = torch.cat([walls[..., :2] + MARGIN_BIAS, walls[..., 2:]], -1)
        visibility = clips.pose[:, -new:, :, None, None, VISIBILITY]
        middle, log_scene = self.scene_head(scene).chunk(2, -1)
        camera = torch.stack([camera_straight_on(clips.camera[:, :t + 1], 1)[:, 0]
                              for t in range(clips.num_frames - new, clips.num_frames)], 1)
        middle = torch.cat([camera, clips.detail[:, -new:]], -1) + middle * self.scene_scale
        scene_spread = log_scene.clamp(*LOG_SPREAD_RANGE).exp() * self.scene_scale
        widths = len(CAMERA), self.spec.detail_dim
        camera, detail = middle[:, :, None].split(widths, -1)
        camera_spread, detail_spread = scene_spread[:, :, None].split(widths, -1)
        change = log_change = clips.deformation[:, -new:]
        if self.deformation_head:
            change, log_change = self.deformation_head(objects).chunk(2, -1)
        return Block(
            mode_logits=mode_logits[..., 0],
            moving=fold(track, walls, self.spec),
            moving_spread=(log_spread.clamp(*LOG_SPREAD_RANGE).exp() * self.moving_scale)[..., None, :],
            visibility_logits=visibility_logit(visibility) + seen,
            camera=camera, camera_spread=camera_spread, detail=detail, detail_spread=detail_spread,
            deformation=(clips.deformation[:, -new:] + change * self.deformation_scale)[..., None, :],
            deformation_spread=(log_change.clamp(*LOG_SPREAD_RANGE).exp() * self.deformation_scale)[..., None, :],
        )

    def _features(self, clips: Latents) -> tuple[Tensor, Tensor]:
        """Of every frame: of the objects [B, T, K, D], of the scene [B, T, D]."""
        end, slope = _lines(clips.pose)
        steps = clips.num_frames
        static = [clips.appearance, clips.depth[..., None], clips.presence[..., None]]
        last = torch.cat([clips.deformation[:, :1], clips.deformation[:, :-1]], 1)
        pose, scene = clips.pose, scene_codes(clips)
        objects = torch.cat([
            pose[..., :NUM_MOVING] - end[..., :NUM_MOVING], end[..., :NUM_MOVING], slope[..., :NUM_MOVING],
            pose[..., :NUM_MOVING] - torch.cat([pose[:, :1], pose[:, :-1]], 1)[..., :NUM_MOVING], pose[..., VISIBILITY:],
            end[..., POSE.index("log_scale"), None].exp(), *(x[:, None].expand(-1, steps, -1, -1) for x in static),
            clips.deformation, clips.deformation - last,
        ], -1)
        return objects, torch.cat([scene, scene - torch.cat([scene[:, :1], scene[:, :-1]], 1)], -1)


class TimeAttention(nn.Module):
    """Attention of each token to itself in the last `window` frames; how much age counts is learned."""

    def __init__(self, width: int, num_heads: int, window: int):
        super().__init__()
        self.num_heads, self.window = num_heads, window
        self.norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.age = nn.Parameter(torch.zeros(num_heads, window))
        self.mix = nn.Linear(width, width)

    def forward(self, tokens: Tensor, cache: tuple[Tensor, Tensor] | None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """tokens [B, T, D], those after the cached ones. Returns them changed, and what the next ones need cached."""
        heads = self.query_key_value(self.norm(tokens)).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        if cache is not None:
            key, value = torch.cat([cache[0], key], 2), torch.cat([cache[1], value], 2)
        now = torch.arange(key.shape[2] - query.shape[2], key.shape[2], device=key.device)
        age = now[:, None] - torch.arange(key.shape[2], device=key.device)
        bias = self.age[:, age.clamp(0, self.window - 1)].masked_fill((age < 0) | (age >= self.window), -torch.inf)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        return tokens + self.mix(seen.transpose(1, 2).flatten(2)), (key[:, :, -self.window:], value[:, :, -self.window:])


def _lines(track: Tensor) -> tuple[Tensor, Tensor]:
    """The line that ends at every frame of track [B, T, ...]: value there and slope, each [B, T, ...]."""
    fits = [line_fit(track[:, :t + 1]) for t in range(track.shape[1])]
    return torch.stack([end for end, _ in fits], 1), torch.stack([slope for _, slope in fits], 1)
