"""Continues latents frame block by frame block: the one rollout of validation and generation.

Legend: B batch, S samples, T context frames, K slots, H horizon of one block, M modes.
"""

import math

import torch
from torch import Tensor

from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import Block, Predictor
from pipeline.predictor.spread import Spread

PLACE_ERROR_PX = 0.3
"""How exact a track is in x and y, standard deviation. A context alone is taken apart a little otherwise than the whole clips
that the predictor learned from, so that on a free stretch a future is less sure than the predictor can know."""


@torch.no_grad()
def rollout(
    predictor: Predictor, context: Latents, horizon: int, num_samples: int, generator: torch.Generator,
    spread: Spread = "branches",
) -> Latents:
    """Draws `num_samples` futures of `horizon` frames (any number) for each clip of `context` (T >= 2 frames).

    Returns context and future: batch axis B * num_samples (row b * num_samples + s), time axis T + horizon. All draws
    come from `generator`, which lies on the CPU.

    A block needs no state of the blocks before it: it looks at the last frames alone, once for all its steps. So there are
    no keys and values of earlier steps to keep, and a horizon costs time in proportion to its length.
    """
    latents = context.map(lambda code: code.repeat_interleave(num_samples, 0))
    while latents.num_frames < context.num_frames + horizon:
        block = predictor(latents)
        pose, camera = draw(block, generator, spread)
        detail, deformation = draw_remainder(block, generator, spread)
        latents = latents.append(pose=pose, camera=camera, detail=detail, deformation=deformation)
    return latents.frames(0, context.num_frames + horizon)


def draw(block: Block, generator: torch.Generator, spread: Spread) -> tuple[Tensor, Tensor]:
    """One future per row: pose [B, H, K, P] follows a mode drawn for each object; camera [B, H, C].

    branches: an object takes the middle of its mode, the camera its own. Modes that lie closer to the drawn one than their
    spread are the same future told several times: their average, by probability, is nearer to the truth than any of them.
    full: a draw from the learned distribution, whose places are made unsure by PLACE_ERROR_PX. One deviation, in spreads,
    holds for a whole block, so that every frame has the learned spread and a track stays smooth.
    """
    chances = block.mode_logits.softmax(-1)
    uniform = torch.rand(chances.shape[:-1], generator=generator).to(chances.device)
    mode = (chances.cumsum(-1) < uniform[..., None]).sum(-1).clamp(max=chances.shape[-1] - 1)

    def of_mode(values: Tensor) -> Tensor:
        return torch.take_along_dim(values, mode.view(*mode.shape, *[1] * (values.dim() - 2)), 2)

    moving = of_mode(block.moving)  # [B, K, 1, H, P - 1]
    pose = torch.cat([block.moving, block.visibility_logits.sigmoid()[..., None]], -1)
    if spread == "branches":
        # Two normal distributions overlap by exp(-distance^2 / 4), the distance in x and y counted in spreads.
        apart = ((block.moving - moving) / block.moving_spread)[..., :2].square().sum(-1)  # [B, K, M, H]
        share = (block.mode_logits[..., None] - apart / 4).softmax(2)
        return (share[..., None] * pose).sum(2).transpose(1, 2), block.camera
    place, rest = of_mode(block.moving_spread).tensor_split([2], -1)
    width = torch.cat([(place.square() + PLACE_ERROR_PX**2).sqrt(), rest], -1)
    deviation = width * _sech(moving[:, :, :, :1], generator)
    pose = of_mode(pose) + torch.nn.functional.pad(deviation, (0, 1))
    camera = block.camera + block.camera_spread * _sech(block.camera[:, :1], generator)
    return pose[:, :, 0].transpose(1, 2), camera


def draw_remainder(block: Block, generator: torch.Generator, spread: Spread) -> tuple[Tensor, Tensor]:
    """One future per row of the detail [B, H, D] and the deformations [B, H, K, E], drawn as the camera's."""
    detail, deformation = block.detail, block.deformation
    if spread == "full":
        detail = detail + block.detail_spread * _sech(detail[:, :1], generator)
        deformation = deformation + block.deformation_spread * _sech(deformation[:, :, :1], generator)
    return detail, deformation.transpose(1, 2)


def _sech(like: Tensor, generator: torch.Generator) -> Tensor:
    """Draws from the density sech(pi x / 2) / 2, the one that losses.surprise assumes, by its inverse distribution
    function (2 / pi) ln tan(pi u / 2); the largest deviations, one draw in 4000, are cut off."""
    uniform = torch.rand(like.shape, generator=generator).to(like.device).clamp(1e-4, 1 - 1e-4)
    return 2 / math.pi * torch.log(torch.tan(math.pi / 2 * uniform))


def position_error(predictor: Predictor, context: Latents, target: Latents, seed: int) -> dict[str, Tensor]:
    """Mean distance, px, of one drawn future from `target`, over objects present, at the first and the last frame."""
    future = rollout(predictor, context, target.num_frames, 1, torch.Generator().manual_seed(seed))
    distance = (future.pose[:, context.num_frames:] - target.pose)[..., :2].norm(dim=-1)  # [B, H, K]
    presence = target.presence[:, None]
    of_step = (distance * presence).sum((0, 2)) / presence.sum().clamp(min=1e-6)
    return {"position_error_first": of_step[0], "position_error_last": of_step[-1]}
