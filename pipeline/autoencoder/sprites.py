"""One picture per object and clip (a sprite), and where it is.

Legend: B clips, T frames, K slots, C channels, P patch side in samples, H W frame. Positions are (x, y) in px.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_params import SpriteParams
from pipeline.latents import pose


@dataclass(frozen=True)
class Sprites:
    centre: Tensor
    """[B, T, K, 2] px"""
    step: Tensor
    """[B, K] px between neighbouring samples of the patch"""
    color: Tensor
    """[B, K, C, P, P] mask * colour"""
    mask: Tensor
    """[B, K, P, P] the object's shape, in [0, 1]"""
    seen: Tensor
    """[B, K, P, P] 1 where the place was seen in a frame or more"""
    visibility: Tensor
    """[B, T, K] in [0, 1]"""
    depth: Tensor
    """[B, K] larger is nearer"""
    presence: Tensor
    """[B, K] 0 or 1"""

    @property
    def patch_dim(self) -> int:
        return self.mask.shape[-1]

    @property
    def picture(self) -> Tensor:
        """[B, K, C + 1, P, P] mask * colour, then the mask."""
        return torch.cat([self.color, self.mask[:, :, None]], 2)

    @property
    def matrix(self) -> Tensor:
        """[B, T, K, 2, 3] from samples of the patch, counted from its middle, to px of the frame."""
        return pose.matrix(self.centre, self.step[:, None].expand(self.centre.shape[:3]))

    def moved(self, by: Tensor) -> "Sprites":
        """Every patch's middle moved by as many of its samples, [B, T or 1, K, 2]."""
        return replace(self, centre=self.centre + (self.matrix[..., :2] @ by[..., None])[..., 0])

    def padded(self, num_slots: int) -> "Sprites":
        """With empty slots (no presence, copies of the first track) up to num_slots."""
        K = self.presence.shape[1]
        index = torch.arange(num_slots, device=self.presence.device)
        index = torch.where(index < K, index, 0)
        fitted = (torch.arange(num_slots, device=index.device) < K).to(self.presence)
        return Sprites(
            centre=self.centre[:, :, index], step=self.step[:, index], color=self.color[:, index],
            mask=self.mask[:, index], seen=self.seen[:, index], visibility=self.visibility[:, :, index] * fitted,
            depth=self.depth[:, index] * fitted, presence=self.presence[:, index] * fitted,
        )


def cut(image: Tensor, sprites: Sprites) -> Tensor:
    """Patches [B, T, K, C, P, P] of image [B, T, C, H, W] along the tracks; zero outside the frame."""
    patch = spatial_transform.cut(image.flatten(0, 1), sprites.matrix.flatten(0, 1), sprites.patch_dim)
    return patch.unflatten(0, image.shape[:2])


def paste(patch: Tensor, sprites: Sprites, height: int, width: int) -> Tensor:
    """Pictures [B, T, K, C, H, W] of patch [B, K, C, P, P], the same in every frame, drawn along the tracks."""
    B, T = sprites.centre.shape[:2]
    repeated = patch[:, None].expand(B, T, *patch.shape[1:]).flatten(0, 1)
    return spatial_transform.paste(repeated, sprites.matrix.flatten(0, 1), height, width).unflatten(0, (B, T))


def draw_masks(sprites: Sprites, height: int, width: int) -> Tensor:
    """Where each present and visible object's shape lies, before occlusion: [B, T, K, H, W]."""
    drawn = paste(sprites.mask[:, :, None], sprites, height, width)[:, :, :, 0]
    return drawn * (sprites.visibility * sprites.presence[:, None])[..., None, None]


def normalise(sprites: Sprites, params: SpriteParams = DISCOVERY.sprites) -> Sprites:
    """Recentres every sprite on its bounding box and rescales its patch to `box_margin` times the longer side of it."""
    P = sprites.patch_dim
    solid = ((sprites.mask - params.clear) / (params.full - params.clear)).clamp(0, 1)
    places = torch.arange(P, device=solid.device) + 0.5 - P / 2
    def extent(profile: Tensor) -> tuple[Tensor, Tensor]:
        length = profile.sum(-1)
        return length, (profile * places).sum(-1) / length.clamp(min=1e-3)
    width, x = extent(solid.amax(-2))
    height, y = extent(solid.amax(-1))
    longest = torch.maximum(width, height).clamp(min=params.min_share * P)
    step = sprites.step * longest * params.box_margin / P
    return replace(sprites.moved(torch.stack([x, y], -1)[:, None]), step=step)
