"""One picture per object and clip (a sprite) and its exact track, fitted in closed form to the frames.

A clip is modelled as flexible sprites over a background (Jojic and Frey 2001, "Learning flexible sprites in video
layers"): in the object's own coordinates u a frame shows x_t(u) = a(u) + b(u) bg_t(u), with a = alpha * colour
(premultiplied) and b = 1 - alpha the same in every frame. The object moves over the background, so bg_t(u) changes
and both follow from a least-squares line per sample; the track follows from a Gauss-Newton step on the same equation
(Lucas and Kanade 1981).

Legend: B clips, T frames, K slots, C channels, P patch side in samples. Positions are (x, y) in px.
"""

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.least_squares import damped, solve
from pipeline.latents import pose

NOISE = 0.03
"""Standard deviation below which a difference says nothing."""
BOX_MARGIN = 1.25
"""A patch's side as a multiple of its object's longer side."""
MIN_GAIN = 0.3
"""Squared error per frame, summed over pixels and channels, that an object must take away to count as one."""
JOLT_PX = 0.25
"""How far from straight on an object is expected in the next frame, px."""
RIGID_PX = 0.5
"""Sprites that stray no further from one another than this move as one."""
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
        return self.alpha.shape[-1]

    @property
    def matrix(self) -> Tensor:
        """[B, T, K, 2, 3] from samples of the patch, counted from its middle, to px of the frame."""
        return pose.matrix(self.centre, self.step[:, None].expand(self.centre.shape[:3]))

    def moved(self, by: Tensor) -> "Sprites":
        """Every patch's middle moved by as many of its samples, [B, T or 1, K, 2]."""
        return replace(self, centre=self.centre + (self.matrix[..., :2] @ by[..., None])[..., 0])


def cut(image: Tensor, sprites: Sprites) -> Tensor:
    """Patches [B, T, K, C, P, P] of image [B, T, C, H, W] along the tracks; zero outside the frame."""
    patch = spatial_transform.cut(image.flatten(0, 1), sprites.matrix.flatten(0, 1), sprites.patch_dim)
    return patch.unflatten(0, image.shape[:2])


def paste(patch: Tensor, sprites: Sprites, height: int, width: int) -> Tensor:
    """Pictures [B, T, K, C, H, W] of patch [B, K, C, P, P], the same in every frame, drawn along the tracks."""
    B, T = sprites.centre.shape[:2]
    repeated = patch[:, None].expand(B, T, *patch.shape[1:]).flatten(0, 1)
    return spatial_transform.paste(repeated, sprites.matrix.flatten(0, 1), height, width).unflatten(0, (B, T))


def masks(sprites: Sprites, height: int, width: int) -> Tensor:
    """Where each present and visible object's shape lies, before occlusion: [B, T, K, H, W]."""
    drawn = paste(sprites.alpha[:, :, None], sprites, height, width)[:, :, :, 0]
    return drawn * (sprites.visibility * sprites.presence[:, None])[..., None, None]


@dataclass(frozen=True)
class View:
    """What the patches of a clip show at the present track."""

    frame: Tensor
    """[B, T, K, C, P, P]"""
    background: Tensor
    """[B, T, K, C, P, P]"""
    weight: Tensor
    """[B, T, K, 1, P, P] the share that lies inside the frame and is not covered by another object"""


def look(frames: Tensor, background: Tensor, free: Tensor, sprites: Sprites) -> View:
    """frames, background [B, T, C, H, W]; free [B, T, K, H, W]: the share of each pixel that no other object covers."""
    channels, K = frames.shape[2], free.shape[2]
    shown = cut(torch.cat([frames, background, free], 2), sprites)
    own = torch.stack([shown[:, :, k, 2 * channels + k] for k in range(K)], 2)
    return View(shown[:, :, :, :channels], shown[:, :, :, channels:2 * channels], own[:, :, :, None])


def fit_picture(view: View, sprites: Sprites) -> Sprites:
    """The least-squares line x = a + b bg of every sample, with b drawn towards a robust first guess where bg hardly
    varies."""
    channels = view.frame.shape[3]
    middle = _weighted_median(view.frame, _shown(view, sprites))[:, None]
    as_object, as_background = (view.frame - middle).square(), (view.frame - view.background).square()
    # What fits neither picture nor background is somebody else's.
    stray = torch.minimum(as_object, as_background).mean(3, keepdim=True)
    weight = _shown(view, sprites) / (1 + stray / OUTLIER**2).square() + 1e-4
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
    # Before plain ground an edge is as steady as the inside, and only its contrast tells them apart.
    varies = (weight * background.square()).sum((1, 3))
    plain = NOISE**2 / (NOISE**2 + varies / total[:, :, 0])
    guess = guess * (1 - plain * (1 - _coverage(mean_frame - mean_background, guess)))
    stiffness = total[:, :, 0] * 0.05**2
    b = (weight * frame * background).sum((1, 3)) + stiffness * (1 - guess)
    b = (b / (varies + stiffness)).clamp(0, 1)
    # a sample seen in less than one frame is not part of the picture
    seen = _shown(view, sprites).sum((1, 3)).clamp(max=1)
    alpha = _keep_blob((1 - b) * seen)
    color = mean_frame - (1 - alpha)[:, :, None] * mean_background
    return replace(sprites, color=torch.minimum(color.clamp(min=0), alpha[:, :, None]), alpha=alpha, seen=seen)


def _coverage(contrast: Tensor, likely: Tensor) -> Tensor:
    """The share [B, K, P, P] of a sample that an object covers if it has the colour of its surroundings: how far the contrast
    to the background [B, K, C, P, P] goes towards the strongest around, as edges and thin strokes go halfway."""
    squared = contrast.square().sum(2)
    weight = (likely * squared.square())[:, :, None] + 1e-8
    def around(x: Tensor) -> Tensor:
        return F.avg_pool2d(x.flatten(0, 1), 5, stride=1, padding=2).unflatten(0, x.shape[:2])
    strongest = around(weight * contrast) / around(weight)
    return ((contrast * strongest).sum(2) / (strongest.square().sum(2) + NOISE**2)).clamp(0, 1)


def _shown(view: View, sprites: Sprites) -> Tensor:
    """[B, T, K, 1, P, P] how surely a sample shows the object's place, uncovered, in a frame where the object is
    visible."""
    return view.weight * sprites.visibility[..., None, None, None]


def _weighted_median(image: Tensor, weight: Tensor) -> Tensor:
    """Median over T of image [B, T, K, C, P, P] where weight > 1/2; 0 where it never is."""
    shown = torch.where(weight > 0.5, image, torch.nan)
    return torch.nan_to_num(shown.nanmedian(1).values)


def _keep_blob(alpha: Tensor) -> Tensor:
    """Damps specks: alpha is bounded by what a small neighbourhood supports."""
    around = F.avg_pool2d(alpha, 5, stride=1, padding=2, count_include_pad=False)
    return alpha * ((around - 0.08) / 0.2).clamp(0, 1)


def refine_track(view: View, sprites: Sprites, steadily: bool = False) -> Sprites:
    """One Gauss-Newton step of every frame's position on x_t(u) = a(u - d) + b(u - d) bg_t(u); at most 1.5 samples
    long. `steadily`: where frames say little, hidden behind another object or mistaken for it, the track goes straight on."""
    b = 1 - sprites.alpha[:, None, :, None]
    residual = view.frame - sprites.color[:, None] - b * view.background
    color_y, color_x = _gradient(sprites.color)
    alpha_y, alpha_x = _gradient(sprites.alpha)
    slope_x = color_x[:, None] - alpha_x[:, None, :, None] * view.background
    slope_y = color_y[:, None] - alpha_y[:, None, :, None] * view.background
    # samples that the model cannot explain at all (another object, a shadow) get less say
    weight = _shown(view, sprites) / (1 + residual.square().mean(3, keepdim=True) / OUTLIER**2)
    def total(x: Tensor) -> Tensor:
        return (weight * x).sum((3, 4, 5))
    xx, yy, xy = total(slope_x.square()), total(slope_y.square()), total(slope_x * slope_y)
    normal = torch.stack([torch.stack([xx, xy], -1), torch.stack([xy, yy], -1)], -1)
    normal = damped(normal, 1e-2 + 0.02 * (xx + yy))
    right = -torch.stack([total(slope_x * residual), total(slope_y * residual)], -1)
    sprites = sprites.moved(solve(normal, right).clamp(-1.5, 1.5))
    if not steadily:
        return sprites
    misfit = residual.square().mean(3, keepdim=True) * sprites.alpha[:, None, :, None] * _shown(view, sprites)
    noise = misfit.sum((3, 4, 5)) / (sprites.alpha.sum((2, 3))[:, None] + 1e-3) + NOISE**2
    precision = normal.diagonal(dim1=-2, dim2=-1).sum(-1) / (2 * noise * sprites.step[:, None].square())
    return replace(sprites, centre=_steady(sprites.centre, precision))


def _steady(track: Tensor, precision: Tensor) -> Tensor:
    """The likeliest course of a track [B, T, K, 2] that is known to `precision` [B, T, K], 1 / px^2, of an object that flies on
    as it came but for jolts of standard deviation JOLT_PX (Whittaker 1923, "On a new method of graduation")."""
    T = track.shape[1]
    if T < 3:
        return track
    second = torch.eye(T, device=track.device, dtype=track.dtype).diff(n=2, dim=0)
    known = precision.transpose(1, 2)
    matrix = torch.diag_embed(known) + second.T @ second / JOLT_PX**2
    return torch.linalg.solve(matrix, known[..., None] * track.transpose(1, 2)).transpose(1, 2)


def _gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along the last two axes (y, x), zero at the border."""
    y = F.pad((image[..., 2:, :] - image[..., :-2, :]) / 2, (0, 0, 1, 1))
    x = F.pad((image[..., 2:] - image[..., :-2]) / 2, (1, 1))
    return y, x


def fit_visibility(view: View, sprites: Sprites) -> Sprites:
    """Sets the visibility: how much better each frame is explained with the object than without it, made nearly binary.

    Frames that say little (the object is covered, or looks like the background) follow their neighbours in time. A
    sprite that explains less than MIN_GAIN loses its presence.
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


def compare(frames: Tensor, background: Tensor, sprites: Sprites, mask: Tensor) -> Sprites:
    """Sets depth and presence by comparing the objects where their masks [B, T, K, H, W] lie; background [B, 1 or T, C, H, W].

    Depth: of two that overlap, the one whose picture explains the overlap better is nearer; 0 where nothing was seen.
    Presence: a slot that takes away little squared error where no other object is, such as a double of another or a fault of
    the background, loses it; only the most useless one of a clip at a time, since two doubles make each other useless.
    """
    drawn = paste(sprites.color / sprites.alpha[:, :, None].clamp(min=0.05), sprites, *frames.shape[-2:])
    error = (frames[:, :, None] - drawn).square().sum(3)
    background_error = (frames - background).square().sum(2)
    K = mask.shape[2]
    depth, worth = torch.zeros_like(sprites.depth), []
    for k in range(K):
        alone = mask[:, :, k]
        for j in range(K):
            if j == k:
                continue
            alone = alone * (1 - mask[:, :, j])
            overlap = mask[:, :, k] * mask[:, :, j]
            lead = (overlap * (error[:, :, j] - error[:, :, k])).sum((1, 2, 3)) / (0.2 + 0.05 * overlap.sum((1, 2, 3)))
            depth[:, k] += 3 * torch.tanh(lead)
        worth.append((alone * (background_error - error[:, :, k])).sum((1, 2, 3)) / frames.shape[1])
    worth = torch.where(sprites.presence > 0, torch.stack(worth, 1), torch.inf)
    least = worth.argmin(1, keepdim=True)
    useless = torch.zeros_like(worth).scatter(1, least, (worth.gather(1, least) < MIN_GAIN).to(worth))
    return replace(sprites, depth=depth, presence=sprites.presence * (1 - useless))


def drop_parts(sprites: Sprites) -> Sprites:
    """Takes presence from all but the largest of sprites that move as one, side by side: parts of one object, which the
    largest then shows."""
    centre, presence = sprites.centre, sprites.presence.clone()
    size = sprites.alpha.sum((2, 3)) * sprites.step.square()
    for k in range(presence.shape[1]):
        for other in range(presence.shape[1]):
            if other != k:
                apart = centre[:, :, k] - centre[:, :, other]
                usual = apart.median(1).values
                stray = (apart - usual[:, None]).norm(dim=-1).quantile(0.75, dim=1)
                reach = sprites.step[:, other] * sprites.patch_dim / 2
                one = (stray < RIGID_PX) & (usual.norm(dim=-1) < reach)
                presence[:, k] *= ~(one & (presence[:, other] > 0) & (size[:, k] < size[:, other]))
    return replace(sprites, presence=presence)


def normalise(sprites: Sprites) -> Sprites:
    """Recentres every sprite on its bounding box and rescales its patch to that box's longer side times BOX_MARGIN."""
    P = sprites.patch_dim
    solid = ((sprites.alpha - 0.2) / 0.4).clamp(0, 1)
    places = torch.arange(P, device=solid.device) + 0.5 - P / 2
    def extent(profile: Tensor) -> tuple[Tensor, Tensor]:
        length = profile.sum(-1)
        return length, (profile * places).sum(-1) / length.clamp(min=1e-3)
    width, x = extent(solid.amax(-2))
    height, y = extent(solid.amax(-1))
    longest = torch.maximum(width, height).clamp(min=0.2 * P)
    return replace(sprites.moved(torch.stack([x, y], -1)[:, None]), step=sprites.step * longest * BOX_MARGIN / P)
