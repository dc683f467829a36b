"""Continues latents by one block of all objects together: noise that flows to one of the futures that may come.

Conditional flow matching along straight paths (Lipman et al. 2023, arXiv 2210.02747): between noise x_0 and a future x_1 lies
x_t = (1 - t) x_0 + t x_1, and a network that is trained to find x_1 from x_t knows the mean velocity (x_1 - x_t) / (1 - t)
with which noise flows to futures. The noise is a forecast as well: the deterministic predictor's middle and spread, so that
all numbers of a block are of order 1 however sure or open it is. What the network says is a residual to a line that is
folded back at walls, as the deterministic trajectory is.

Legend: B batch, K slots, H horizon trained on, P pose components, N numbers of an object in a block, Z numbers of the scene.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.latents.extrapolation import line_fit
from pipeline.latents.latents import CAMERA, Latents
from pipeline.predictor.block import Block, unsure_of_place
from pipeline.predictor.draws import Draws
from pipeline.predictor.layers import SlotLayer
from pipeline.predictor.losses import surprise
from pipeline.predictor.mixture import MixturePredictor
from pipeline.predictor.predictor import NUM_MOVING, attention_bias, scene_codes
from pipeline.predictor.predictor_config import PredictorConfig
from pipeline.predictor.spread import Spread

_DRAWS_PER_CLIP = 2
"""Noises and times that each clip of a batch is trained with."""
_LATEST = 0.95
"""Times after it weigh no more than it does: the velocity's error is that of x_1 divided by 1 - t."""
_BRANCHES_UNTIL = 0.7
_NUM_WAVES = 4
_VISIBILITY_FLOOR = 0.05
_SPREAD_FLOOR = 0.1
"""Of what a line misses: a spread smaller than that would make outliers rule the gradient."""


class Numbers(NamedTuple):
    """The numbers of a block of H frames."""

    objects: Tensor  # [B, K, H, P + D_deformation]: x, y in px, log_scale, visibility, deformation
    scene: Tensor  # [B, H, C + D_detail]


class FlowPredictor(MixturePredictor):
    """The deterministic predictor, and a flow from its forecast, made unsure, to futures."""

    def __init__(self, config: PredictorConfig):
        super().__init__(config)
        params, width, horizon = config.architecture, config.architecture.hidden_dim, config.horizon
        num_codes, num_scene = NUM_MOVING + 1 + self.spec.deformation_dim, len(CAMERA) + self.spec.detail_dim
        self.object_in = nn.Linear(horizon * (num_codes + 2) + width + 2 * _NUM_WAVES, width)
        self.scene_in = nn.Linear(horizon * num_scene + self.num_scene_features + width + 2 * _NUM_WAVES, width)
        self.flow_layers = nn.ModuleList(SlotLayer(width, params.num_heads) for _ in range(params.num_layers))
        self.flow_norm = nn.LayerNorm(width)
        self.flow_moving = nn.Linear(width, 11 + horizon * NUM_MOVING)
        self.object_out = nn.Linear(width, horizon * num_codes)
        self.scene_out = nn.Linear(width, horizon * num_scene)
        for last in (self.flow_moving, self.object_out, self.scene_out):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def losses(self, context: Latents, target: Latents, progress: float = 1.0) -> dict[str, Tensor]:
        """Surprise of the deterministic forecast, and the squared error of the velocity in units of its spread."""
        objects, scene = self.see(context)
        block = self.block(context, objects, scene)
        parts = surprise(block, target)
        again = lambda x: x.repeat(_DRAWS_PER_CLIP, *[1] * (x.dim() - 1))  # noqa: E731
        middle, spread = (Numbers(*map(again, numbers)) for numbers in self._centre(block))
        future = Numbers(
            again(torch.cat([target.pose, target.deformation], -1).transpose(1, 2)), again(scene_codes(target))
        )
        time = torch.rand(len(middle.scene), device=middle.scene.device)
        noise = Numbers(*map(torch.randn_like, future))
        noise = Numbers(*(m + s * n for m, s, n in zip(middle, spread, noise)))
        between = Numbers(*(torch.lerp(a, b, time.view(-1, *[1] * (a.dim() - 1))) for a, b in zip(noise, future)))
        context, objects, scene = context.map(again), again(objects), again(scene)
        found = self.destination(context, objects, scene, middle, spread, between, time)
        weight = 1 / (1 - time.clamp(max=_LATEST)).square()
        error = Numbers(*(((f - x) / s).square() for f, x, s in zip(found, future, spread)))
        seen = future.objects[..., NUM_MOVING, None]
        counted = torch.cat([
            seen.expand(*seen.shape[:-1], NUM_MOVING), torch.ones_like(seen),
            seen.expand(*seen.shape[:-1], self.spec.deformation_dim),
        ], -1) * context.presence[:, :, None, None]
        of_objects = ((error.objects * counted).mean((1, 2, 3)) * weight).mean()
        of_scene = (error.scene.mean((1, 2)) * weight).mean()
        return {**parts, "flow": of_objects, "scene_flow": of_scene, "loss": parts["loss"] + of_objects + of_scene}

    def draw_block(self, context: Latents, draws: Draws, spread: Spread) -> dict[str, Tensor]:
        """full: noise flows all the way. branches: it flows until the branches have parted, and from there leaps to the middle of
        all futures that it may still reach."""
        objects, scene = self.see(context)
        middle, width = self._centre(self.block(context, objects, scene))
        now = Numbers(*(m + w * draws.normal(m) for m, w in zip(middle, width)))
        steps = self.config.architecture.num_flow_steps
        last = _BRANCHES_UNTIL if spread == "branches" else 1 - 1 / steps
        times = torch.linspace(0, last, steps).tolist() + [1.0]
        for time, following in zip(times, times[1:]):
            at = now.scene.new_full((len(now.scene),), time)
            end = self.destination(context, objects, scene, middle, width, now, at)
            now = Numbers(*(torch.lerp(x, e, (following - time) / (1 - time)) for x, e in zip(now, end)))
        moving, visibility, deformation = now.objects.split([NUM_MOVING, 1, self.spec.deformation_dim], -1)
        if spread == "full":
            moving = moving + unsure_of_place(torch.zeros_like(moving)) * draws.sech(moving[:, :, :1])
        pose = torch.cat([moving, visibility.clamp(0, 1)], -1).transpose(1, 2)
        camera, detail = now.scene.split([len(CAMERA), self.spec.detail_dim], -1)
        return {"pose": pose, "camera": camera, "detail": detail, "deformation": deformation.transpose(1, 2)}

    def destination(
        self, context: Latents, objects: Tensor, scene: Tensor, middle: Numbers, spread: Numbers, now: Numbers, time: Tensor,
    ) -> Numbers:
        """The mean of the futures that noise which at `time` [B] has come to `now` may flow to."""
        angles = time[:, None] * math.pi * 2.0 ** torch.arange(-1, _NUM_WAVES - 1, device=time.device)
        waves = torch.cat([angles.sin(), angles.cos()], -1)
        deviation = Numbers(*((n - m) / s for n, m, s in zip(now, middle, spread)))
        deviation = deviation._replace(objects=deviation.objects * context.presence[:, :, None, None])
        waves_of_objects = waves[:, None].expand(-1, objects.shape[1], -1)
        tokens = torch.cat([
            self.object_in(torch.cat([deviation.objects.flatten(2), self._ahead(context, deviation.objects), objects, waves_of_objects], -1)),
            self.scene_in(torch.cat([deviation.scene.flatten(1), scene, waves], -1))[:, None],
        ], 1)
        bias = functional.pad(attention_bias(context), (0, 1))
        for layer in self.flow_layers:
            tokens = layer(tokens, bias)
        motion, horizon = self.motion(objects).detach(), self.config.horizon
        objects, scene = self.flow_norm(tokens).tensor_split([objects.shape[1]], 1)
        course = self.course(context, motion + self.flow_moving(objects)[:, :, None])[:, :, 0]
        rest = middle.objects[..., NUM_MOVING:]
        fine = self.object_out(objects).unflatten(-1, (horizon, -1)) * spread.objects
        return Numbers(
            torch.cat([course, rest], -1) + fine,
            middle.scene + self.scene_out(scene[:, 0]).unflatten(-1, (horizon, -1)) * spread.scene,
        )

    def _ahead(self, context: Latents, deviation: Tensor) -> Tensor:
        """Deviations [B, K, H, ...] in x and y, seen along an object's way and across it: [B, K, 2 * H]."""
        way = functional.normalize(line_fit(context.pose)[1][..., :2], dim=-1, eps=0.1)[:, :, None]
        x, y = deviation[..., 0], deviation[..., 1]
        return torch.cat([x * way[..., 0] + y * way[..., 1], x * way[..., 1] - y * way[..., 0]], -1)

    def _centre(self, block: Block) -> tuple[Numbers, Numbers]:
        """Middle and spread of a deterministic block, as constants: the flow does not move where it starts from."""
        visibility = block.visibility_logits[:, :, 0, :, None].sigmoid()
        doubt = (visibility * (1 - visibility)).sqrt() + _VISIBILITY_FLOOR
        middle = Numbers(
            torch.cat([block.moving[:, :, 0], visibility, block.deformation], -1),
            torch.cat([block.camera, block.detail], -1),
        )
        moving = block.moving_spread[:, :, 0].maximum(_SPREAD_FLOOR * self.residual_scale)
        scene = torch.cat([block.camera_spread, block.detail_spread], -1).maximum(_SPREAD_FLOOR * self.camera_scale)
        spread = Numbers(torch.cat([moving, doubt, block.deformation_spread], -1), scene)
        return Numbers(*(x.detach() for x in middle)), Numbers(*(x.detach() for x in spread))
