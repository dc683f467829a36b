"""One picture per object and clip (a sprite), and where it is.

Legend: B clips, T frames, K slots, C channels, P patch side in samples, H W frame, h w window. Positions are (x, y) in
px.
"""

from dataclasses import dataclass, fields, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.sprite_params import SpriteParams
from pipeline.autoencoder.windows import Windows, around_patches
from pipeline.latents import pose


@dataclass(frozen=True)
class Sprites:
    centre: Tensor
    """[B, T, K, 2] px"""
    step: Tensor
    """[B, K] px between neighbouring samples of the patch"""
    shape: Tensor
    """[B, T, K, 3] log_scale, log_aspect and angle beside that, see `pipeline.latents.pose`"""
    color: Tensor
    """[B, K, C, P, P] mask * colour"""
    mask: Tensor
    """[B, K, P, P] the object's shape, in [0, 1]"""
    seen: Tensor
    """[B, K, P, P] in [0, 1]: 1 where the place was seen in one frame or more"""
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

    @cached_property
    def matrix(self) -> Tensor:
        """[B, T, K, 2, 3] from samples of the patch, counted from its middle, to px of the frame."""
        return pose.matrix(self.centre, self.step[:, None].expand(self.centre.shape[:3]), self.shape)

    def moved(self, by: Tensor) -> "Sprites":
        """The same with every patch's middle moved; by [B, T or 1, K, 2]: (x, y) in samples of the patch."""
        return replace(self, centre=self.centre + (self.matrix[..., :2] @ by[..., None])[..., 0])

    def take(self, slots: Tensor) -> "Sprites":
        """The sprites of some slots alone; slots, int [B, k]: their numbers."""
        return Sprites(**{
            field.name: take_slots(getattr(self, field.name), slots, axis=2 if field.name in _IN_FRAMES else 1)
            for field in fields(self)
        })

    def where(self, chosen: Tensor, others: "Sprites") -> "Sprites":
        """These sprites, but those of `others` in the slots that are chosen, bool [B, K]."""
        def choose(name: str) -> Tensor:
            own, other = getattr(self, name), getattr(others, name)
            axes = (1, -1) if name in _IN_FRAMES else (-1,)
            which = chosen.view(len(chosen), *axes, *[1] * (own.dim() - len(axes) - 1))
            return torch.where(which, other, own)
        return Sprites(**{field.name: choose(field.name) for field in fields(self)})

    def padded(self, num_slots: int) -> "Sprites":
        """The same with empty slots added, up to num_slots: copies of slot 0 without presence, visibility and depth."""
        B, K = self.presence.shape
        index = torch.arange(num_slots, device=self.presence.device)
        fitted = (index < K).to(self.presence)
        more = self.take(torch.where(index < K, index, 0).expand(B, -1))
        return replace(
            more, visibility=more.visibility * fitted, depth=more.depth * fitted, presence=more.presence * fitted)


def resampled(sprites: Sprites, patch_dim: int) -> Sprites:
    """The same with patches of patch_dim x patch_dim samples."""
    if patch_dim == sprites.patch_dim:
        return sprites
    picture = torch.cat([sprites.picture, sprites.seen[:, :, None]], 2)
    size = (patch_dim, patch_dim)
    picture = F.interpolate(picture.flatten(0, 1), size, mode="bilinear", align_corners=False, antialias=True)
    picture = picture.unflatten(0, sprites.presence.shape)
    return replace(
        sprites, step=sprites.step * sprites.patch_dim / patch_dim, color=picture[:, :, :-2],
        mask=picture[:, :, -2], seen=picture[:, :, -1])


_IN_FRAMES = "centre", "shape", "visibility"
"""Fields with a value for every frame, [B, T, K, ...]; the others are [B, K, ...]."""


def present_slots(presence: Tensor) -> Tensor:
    """Numbers [B, k] of the slots that hold an object, in their order; presence [B, K]. k is the number of objects in
    the fullest clip, at least 1; empty slots make up the rest in the other clips."""
    most = max(1, int(presence.sum(1).max()))
    return presence.argsort(dim=1, descending=True, stable=True)[:, :most]


def take_slots(x: Tensor, slots: Tensor, axis: int) -> Tensor:
    """Some slots of x, which is [B, K, ...] (axis 1) or [B, T, K, ...] (axis 2); slots, int [B, k]: their numbers."""
    return torch.stack([clip.index_select(axis - 1, own) for clip, own in zip(x, slots, strict=True)])


def cut(image: Tensor, sprites: Sprites, windows: Windows) -> Tensor:
    """Patches [B, T, K, C, P, P], cut along the tracks out of what the windows show, image [B, T, K, C, h, w]. What
    lies outside of its window is zero."""
    matrix = windows.within(sprites.matrix).flatten(0, 2)[:, None]
    return spatial_transform.cut(image.flatten(0, 2), matrix, sprites.patch_dim)[:, 0].unflatten(0, image.shape[:3])


def paste(patch: Tensor, sprites: Sprites, windows: Windows) -> Tensor:
    """Draws patch [B, K, C, P, P], the same in every frame, along the tracks into the windows: [B, T, K, C, h, w]."""
    B, T = sprites.centre.shape[:2]
    repeated = patch[:, None].expand(B, T, *patch.shape[1:]).flatten(0, 1)
    drawn = spatial_transform.paste(repeated, windows.within(sprites.matrix).flatten(0, 1), *windows.size)
    return drawn.unflatten(0, (B, T))


def draw_masks(sprites: Sprites, height: int, width: int) -> Tensor:
    """Where each present and visible object's shape lies, before occlusion: [B, T, K, H, W]."""
    windows = around_patches(sprites.matrix, sprites.patch_dim, height, width)
    return windows.lay(masks_within(sprites, windows))


def masks_within(sprites: Sprites, windows: Windows) -> Tensor:
    """As `draw_masks`, but each inside its object's window: [B, T, K, h, w]."""
    drawn = paste(sprites.mask[:, :, None], sprites, windows)[:, :, :, 0]
    return drawn * (sprites.visibility * sprites.presence[:, None])[..., None, None]


def normalise(sprites: Sprites, params: SpriteParams = DISCOVERY.sprites) -> Sprites:
    """Moves every patch to the middle of its object's bounding box, and makes its side `box_margin` times the longer
    side of that box."""
    P = sprites.patch_dim
    solid = ((sprites.mask - params.clear) / (params.full - params.clear)).clamp(0, 1)
    places = torch.arange(P, device=solid.device) + 0.5 - P / 2
    def extent(profile: Tensor) -> tuple[Tensor, Tensor]:
        length = profile.sum(-1)
        return length, (profile * places).sum(-1) / length.clamp(min=1e-3)
    width, x = extent(solid.amax(-2))
    height, y = extent(solid.amax(-1))
    longest = torch.maximum(width, height).clamp(min=params.min_share * P)
    larger, middle = longest * params.box_margin / P, torch.stack([x, y], -1)
    matrix = torch.cat([torch.eye(2, device=x.device) * larger[..., None, None], middle[..., None] + P / 2], -1)
    return replace(_read(sprites.moved(middle[:, None]), matrix), step=sprites.step * larger)


def _read(sprites: Sprites, matrix: Tensor) -> Sprites:
    """The same with pictures read where matrix [B, K, 2, 3] leads from a sample, counted from the patch's middle, to
    samples counted from its edge; nothing shows past that."""
    picture = torch.cat([sprites.picture, sprites.seen[:, :, None]], 2)
    read = spatial_transform.cut(picture.flatten(0, 1), matrix.flatten(0, 1)[:, None], sprites.patch_dim)[:, 0]
    read = read.unflatten(0, sprites.presence.shape)
    return replace(sprites, color=read[:, :, :-2], mask=read[:, :, -2], seen=read[:, :, -1])
