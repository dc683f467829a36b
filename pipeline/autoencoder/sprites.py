"""One picture per object and clip (a sprite) and its exact track, fitted in closed form to the frames.

A clip is modelled as flexible sprites over a background (Jojic and Frey 2001, "Learning flexible sprites in video layers"): in
the object's own coordinates u a frame shows x_t(u) = a(u) + b(u) bg_t(u), with a = alpha * colour (premultiplied) and
b = 1 - alpha the same in every frame. The object moves over the background, so bg_t(u) changes and both follow from a
least-squares line per sample; the track follows from a Gauss-Newton step on the same equation (Lucas and Kanade 1981).

Legend: B clips, T frames, K slots, C channels, P patch side in samples. Positions are (x, y) in px.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import spatial_transform

NOISE = 0.03
"""Standard deviation below which a difference says nothing."""
OUTLIER = 0.15
"""Difference from which on a sample counts as showing something else."""


@dataclass(frozen=True)
class Sprites:
    centre: Tensor
    """[B, T, K, 2] px"""
    step: Tensor
    """[B, K] px between neighbouring samples of the patch"""
    color: Tensor
    """[B, K, C, P, P] alpha * colour"""
    alpha: Tensor
    """[B, K, P, P]"""
    visibility: Tensor
    """[B, T, K] in [0, 1]"""
    depth: Tensor
    """[B, K] larger is nearer"""
    presence: Tensor
    """[B, K] 0 or 1"""

    @property
    def patch_dim(self) -> int:
        return self.alpha.shape[-1]


def cut(image: Tensor, centre: Tensor, step: Tensor, patch_dim: int) -> Tensor:
    """Patches [B, T, K, C, P, P] of image [B, T, C, H, W]; zero outside the frame."""
    height, width = image.shape[-2:]
    step = step[:, None].expand(centre.shape[:3])
    weights_y = spatial_transform.cut_weights(centre[..., 1], step, patch_dim, height)
    weights_x = spatial_transform.cut_weights(centre[..., 0], step, patch_dim, width)
    return spatial_transform.apply(weights_y, weights_x, image[:, :, None])


def paste(patch: Tensor, centre: Tensor, step: Tensor, height: int, width: int) -> Tensor:
    """Pictures [B, T, K, C, H, W] of patch [B, K, C, P, P], the same in every frame, drawn at centre [B, T, K, 2]."""
    step = step[:, None].expand(centre.shape[:3])
    weights_y = spatial_transform.paste_weights(centre[..., 1], step, patch.shape[-1], height)
    weights_x = spatial_transform.paste_weights(centre[..., 0], step, patch.shape[-1], width)
    return spatial_transform.apply(weights_y, weights_x, patch[:, None])


def masks(sprites: Sprites, height: int, width: int) -> Tensor:
    """Where each present and visible object's shape lies, before occlusion: [B, T, K, H, W]."""
    drawn = paste(sprites.alpha[:, :, None], sprites.centre, sprites.step, height, width)[:, :, :, 0]
    return drawn * (sprites.visibility * sprites.presence[:, None])[..., None, None]


def front(depth: Tensor) -> Tensor:
    """[B, K, K]: how surely slot j (last axis) lies before slot k, a sigmoid of the difference in depth."""
    return torch.sigmoid(depth[:, None, :] - depth[:, :, None])


def unoccluded(mask: Tensor, depth: Tensor) -> Tensor:
    """The share of each slot's place that nothing nearer covers: prod_j (1 - mask_j front_kj), [B, T, K, H, W]."""
    before = front(depth)
    slots = range(mask.shape[2])
    return torch.stack([
        torch.stack([1 - mask[:, :, j] * before[:, None, k, j, None, None] for j in slots if j != k] or
                    [torch.ones_like(mask[:, :, k])], 0).prod(0)
        for k in slots
    ], 2)


@dataclass(frozen=True)
class View:
    """What the patches of a clip show at the present track."""

    frame: Tensor
    """[B, T, K, C, P, P]"""
    background: Tensor
    """[B, T, K, C, P, P]"""
    weight: Tensor
    """[B, T, K, 1, P, P] inside the frame, not covered by another object, object visible"""


def look(frames: Tensor, background: Tensor, free: Tensor, sprites: Sprites) -> View:
    """free [B, T, K, H, W]: the share of each pixel that no other object covers."""
    P = sprites.patch_dim
    shown = cut(torch.cat([frames, background], 2), sprites.centre, sprites.step, P)
    channels = frames.shape[2]
    step = sprites.step[:, None].expand(sprites.centre.shape[:3])
    weights_y = spatial_transform.cut_weights(sprites.centre[..., 1], step, P, frames.shape[-2])
    weights_x = spatial_transform.cut_weights(sprites.centre[..., 0], step, P, frames.shape[-1])
    inside = spatial_transform.apply(weights_y, weights_x, free[:, :, :, None])
    return View(shown[:, :, :, :channels], shown[:, :, :, channels:], inside * sprites.visibility[..., None, None, None])


def fit_picture(view: View, sprites: Sprites) -> Sprites:
    """The least-squares line x = a + b bg of every sample, with b drawn towards a robust first guess where bg hardly varies."""
    channels = view.frame.shape[3]
    middle = _weighted_median(view.frame, view.weight)[:, None]
    as_object, as_background = (view.frame - middle).square(), (view.frame - view.background).square()
    # What fits neither picture nor background is somebody else's.
    stray = torch.minimum(as_object, as_background).mean(3, keepdim=True)
    weight = view.weight / (1 + stray / OUTLIER**2).square() + 1e-4
    total = weight.sum(1)
    mean_frame = (weight * view.frame).sum(1) / total
    mean_background = (weight * view.background).sum(1) / total
    # First guess: is a sample steadier along the object's track than it is like the background?
    as_object, as_background = (
        (weight * error / (1 + error / OUTLIER**2)).sum((1, 3)) / total[:, :, 0] + channels * NOISE**2
        for error in (as_object, as_background)
    )
    odds = (0.5 * as_background / as_object) ** 3
    guess = odds / (1 + odds)
    frame, background = view.frame - mean_frame[:, None], view.background - mean_background[:, None]
    stiffness = total[:, :, 0] * 0.05**2
    b = (weight * frame * background).sum((1, 3)) + stiffness * (1 - guess)
    b = (b / ((weight * background.square()).sum((1, 3)) + stiffness)).clamp(0, 1)
    # a sample seen in less than one frame is not part of the picture
    alpha = _keep_blob((1 - b) * view.weight.sum((1, 3)).clamp(max=1))
    color = mean_frame - (1 - alpha)[:, :, None] * mean_background
    return replace(sprites, color=torch.minimum(color.clamp(min=0), alpha[:, :, None]), alpha=alpha)


def _weighted_median(image: Tensor, weight: Tensor) -> Tensor:
    """Median over T of image [B, T, K, C, P, P] where weight > 1/2; over all frames where it never is."""
    shown = torch.where(weight > 0.5, image, torch.nan)
    return torch.where((weight > 0.5).any(1), shown.nanmedian(1).values, image.median(1).values)


def _keep_blob(alpha: Tensor) -> Tensor:
    """Damps specks: alpha is bounded by what a small neighbourhood supports."""
    around = F.avg_pool2d(alpha, 5, stride=1, padding=2, count_include_pad=False)
    return alpha * ((around - 0.08) / 0.2).clamp(0, 1)


def refine_track(view: View, sprites: Sprites) -> Sprites:
    """One Gauss-Newton step of every frame's position on x_t(u) = a(u - d) + b(u - d) bg_t(u); at most 1.5 samples long."""
    b = 1 - sprites.alpha[:, None, :, None]
    residual = view.frame - sprites.color[:, None] - b * view.background
    color_y, color_x = _gradient(sprites.color)
    alpha_y, alpha_x = _gradient(sprites.alpha)
    slope_x = color_x[:, None] - alpha_x[:, None, :, None] * view.background
    slope_y = color_y[:, None] - alpha_y[:, None, :, None] * view.background
    # samples that the model cannot explain at all (another object, a shadow) get less say
    weight = view.weight / (1 + residual.square().mean(3, keepdim=True) / OUTLIER**2)
    def total(x: Tensor) -> Tensor:
        return (weight * x).sum((3, 4, 5))
    xx, yy, xy = total(slope_x.square()), total(slope_y.square()), total(slope_x * slope_y)
    rx, ry = -total(slope_x * residual), -total(slope_y * residual)
    ridge = 1e-2 + 0.02 * (xx + yy)
    xx, yy = xx + ridge, yy + ridge
    determinant = xx * yy - xy.square()
    move = torch.stack([yy * rx - xy * ry, xx * ry - xy * rx], -1) / determinant[..., None]
    centre = sprites.centre + move.clamp(-1.5, 1.5) * sprites.step[:, None, :, None]
    return replace(sprites, centre=centre)


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along the last two axes (y, x), zero at the border."""
    y = F.pad((image[..., 2:, :] - image[..., :-2, :]) / 2, (0, 0, 1, 1))
    x = F.pad((image[..., 2:] - image[..., :-2]) / 2, (1, 1))
    return y, x


def fit_visibility(view: View, sprites: Sprites) -> Sprites:
    """Sets the visibility: how much better each frame is explained with the object than without it, made nearly binary.

    Frames that say little (the object is covered, or looks like the background) follow their neighbours in time.
    """
    b = 1 - sprites.alpha[:, None, :, None]
    with_object = (view.frame - sprites.color[:, None] - b * view.background).square()
    without = (view.frame - view.background).square()
    contrast = (sprites.color[:, None] - (1 - b) * view.background).square()
    def total(x: Tensor) -> Tensor:
        return (view.weight * x).sum((3, 4, 5))
    seen = total(contrast)
    gain = total(without - with_object)
    frames = torch.arange(seen.shape[1], device=seen.device, dtype=seen.dtype)
    near = torch.exp(-(frames[:, None] - frames).abs() / 0.7)
    score = torch.einsum("ts,bsk->btk", near, gain) / (torch.einsum("ts,bsk->btk", near, seen) + 1e-3)
    return replace(sprites, visibility=torch.sigmoid(12 * score))


def gain(frames: Tensor, background: Tensor, sprites: Sprites) -> Tensor:
    """[B, K] the squared error per frame that each sprite takes away where nothing covers it."""
    H, W = frames.shape[-2:]
    mask = masks(sprites, H, W)
    free = mask * unoccluded(mask, sprites.depth)
    drawn = paste(sprites.color, sprites.centre, sprites.step, H, W) + (1 - mask)[:, :, :, None] * background[:, None, None]
    better = (frames - background[:, None]).square()[:, :, None] - (frames[:, :, None] - drawn).square()
    return (free * better.sum(3)).sum((1, 3, 4)) / frames.shape[1]


def fit_depth(frames: Tensor, sprites: Sprites) -> Sprites:
    """Orders the slots by which of two overlapping pictures explains the overlap better; 0 where nothing was seen."""
    H, W = frames.shape[-2:]
    mask = masks(sprites, H, W)
    color = sprites.color / sprites.alpha[:, :, None].clamp(min=0.05)
    drawn = paste(color, sprites.centre, sprites.step, H, W)
    error = (frames[:, :, None] - drawn).square().sum(3)
    K = mask.shape[2]
    depth = torch.zeros_like(sprites.depth)
    for k in range(K):
        for j in range(k + 1, K):
            overlap = mask[:, :, k] * mask[:, :, j]
            lead = (overlap * (error[:, :, j] - error[:, :, k])).sum((1, 2, 3)) / (0.2 + 0.05 * overlap.sum((1, 2, 3)))
            depth[:, k] += 3 * torch.tanh(lead)
            depth[:, j] -= 3 * torch.tanh(lead)
    return replace(sprites, depth=depth)


def normalise(sprites: Sprites, margin: float) -> Sprites:
    """Recentres every sprite on its bounding box and rescales its patch to that box's longer side times `margin`."""
    P = sprites.patch_dim
    solid = ((sprites.alpha - 0.2) / 0.4).clamp(0, 1)
    places = torch.arange(P, device=solid.device) + 0.5 - P / 2
    def extent(profile: Tensor) -> tuple[Tensor, Tensor]:
        length = profile.sum(-1)
        return length, (profile * places).sum(-1) / length.clamp(min=1e-3)
    width, x = extent(solid.amax(-2))
    height, y = extent(solid.amax(-1))
    centre = sprites.centre + (torch.stack([x, y], -1) * sprites.step[..., None])[:, None]
    longest = torch.maximum(width, height).clamp(min=0.2 * P)
    return replace(sprites, centre=centre, step=sprites.step * longest * margin / P)
