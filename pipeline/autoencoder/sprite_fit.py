"""Sprites and their exact tracks, fitted in closed form to the frames.

A clip is modelled as flexible sprites over a background (Jojic and Frey 2001, "Learning flexible sprites in video
layers"): in the object's own coordinates u frame t shows x_t(u) = a(u) + b(u) bg_t(u). There bg_t is the background,
and a = mask * colour (premultiplied) and b = 1 - mask are the same in every frame. The object moves over the
background, so bg_t(u) changes, and a least-squares line per sample gives a and b. A Gauss-Newton iteration on the same
equation gives the track (Lucas and Kanade 1981).

Legend: B clips, T frames, K slots, C channels, P patch side in samples, H W frame, h w window. Positions are (x, y) in
px.
"""

from dataclasses import dataclass, fields, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.least_squares import damped, solve
from pipeline.autoencoder.medians import median_over_time
from pipeline.autoencoder.sprite_params import SpriteParams
from pipeline.autoencoder.sprites import Sprites, cut
from pipeline.autoencoder.windows import Windows


@dataclass(frozen=True)
class Patches:
    """What the patches of a clip show along the present tracks."""

    frame: Tensor
    """[B, T, K, C, P, P]"""
    background: Tensor
    """[B, T, K, C, P, P]"""
    free: Tensor
    """[B, T, K, 1, P, P] the share that lies inside the frame and is not covered by another object"""

    def where(self, chosen: Tensor, others: "Patches") -> "Patches":
        """These patches, but those of `others` in the slots that are chosen, bool [B, K]."""
        which = chosen[:, None, :, None, None, None]
        return Patches(*(torch.where(which, getattr(others, field.name), getattr(self, field.name))
                         for field in fields(self)))


def look(frames: Tensor, background: Tensor, free: Tensor, sprites: Sprites, windows: Windows) -> Patches:
    """Cuts patches along the tracks out of frames [B, T, C, H, W] and background [B, 1 or T, C, H, W]; free
    [B, T, K, h, w]: the share of each pixel of a slot's window that no other object covers."""
    shown = torch.cat([windows.crop(frames), windows.crop(background), free[:, :, :, None]], 3)
    patches = cut(shown, sprites, windows)
    return Patches(*patches.split([frames.shape[2], frames.shape[2], 1], 3))


def fit_picture(patches: Patches, sprites: Sprites, params: SpriteParams = DISCOVERY.sprites) -> Sprites:
    """Sets colour and mask by the least-squares line x = a + b bg of every sample, with b drawn towards a robust first
    guess where bg hardly varies. Sets `seen` as well."""
    channels = patches.frame.shape[3]
    middle = median_over_time(patches.frame, shown(patches, sprites) > 0.5)[:, None]
    as_object, as_background = (patches.frame - middle).square(), (patches.frame - patches.background).square()
    # What fits neither picture nor background is somebody else's.
    stray = torch.minimum(as_object, as_background).mean(3, keepdim=True)
    weight = shown(patches, sprites) / (1 + stray / params.outlier**2).square() + 1e-4
    total = weight.sum(1)
    mean_frame = (weight * patches.frame).sum(1) / total
    mean_background = (weight * patches.background).sum(1) / total
    # First guess of the mask: how far the frames are from a steady picture, beside how far from the background.
    as_object, as_background = (
        (weight * error / (1 + error / params.outlier**2)).sum((1, 3)) / total[:, :, 0] + channels * params.noise**2
        for error in (as_object, as_background)
    )
    odds = (params.object_odds * as_background / as_object) ** params.odds_power
    guess = odds / (1 + odds)
    frame, background = patches.frame - mean_frame[:, None], patches.background - mean_background[:, None]
    # Before plain ground an edge is as steady as the inside, and only its contrast tells them apart.
    varies = (weight * background.square()).sum((1, 3))
    plain = params.noise**2 / (params.noise**2 + varies / total[:, :, 0])
    guess = guess * (1 - plain * (1 - _coverage(mean_frame - mean_background, guess, params)))
    stiffness = total[:, :, 0] * params.varies**2
    b = (weight * frame * background).sum((1, 3)) + stiffness * (1 - guess)
    b = (b / (varies + stiffness)).clamp(0, 1)
    # a sample seen in less than one frame is not part of the picture
    seen = shown(patches, sprites).sum((1, 3)).clamp(max=1)
    mask = _keep_blob((1 - b) * seen, params)
    color = mean_frame - (1 - mask)[:, :, None] * mean_background
    return replace(sprites, color=torch.minimum(color.clamp(min=0), mask[:, :, None]), mask=mask, seen=seen)


def _coverage(contrast: Tensor, likely: Tensor, params: SpriteParams) -> Tensor:
    """The share [B, K, P, P] of each sample that the object covers, if the object has one colour around there: contrast
    [B, K, C, P, P], the difference to the background, as a share of the strongest contrast in the neighbourhood. At
    edges and on thin strokes it is about a half. likely [B, K, P, P]: first guess of the mask."""
    squared = contrast.square().sum(2)
    weight = (likely * squared.square())[:, :, None] + 1e-8
    def around(x: Tensor) -> Tensor:
        mean = F.avg_pool2d(x.flatten(0, 1), params.around, stride=1, padding=params.around // 2)
        return mean.unflatten(0, x.shape[:2])
    strongest = around(weight * contrast) / around(weight)
    return ((contrast * strongest).sum(2) / (strongest.square().sum(2) + params.noise**2)).clamp(0, 1)


def shown(patches: Patches, sprites: Sprites) -> Tensor:
    """[B, T, K, 1, P, P] how surely a sample shows the object's own place in a frame: the object is visible there, and
    the sample lies inside the frame, covered by no other object."""
    return patches.free * sprites.visibility[..., None, None, None]


def _keep_blob(mask: Tensor, params: SpriteParams) -> Tensor:
    """Removes specks: mask [B, K, P, P] fades to 0 as its mean over a small neighbourhood falls from `solid` to
    `speck`."""
    around = F.avg_pool2d(mask, params.around, stride=1, padding=params.around // 2, count_include_pad=False)
    return mask * ((around - params.speck) / (params.solid - params.speck)).clamp(0, 1)


def refine_track(
    patches: Patches, sprites: Sprites, steadily: bool = False, turns: Tensor | None = None,
    params: SpriteParams = DISCOVERY.sprites,
) -> Sprites:
    """Corrects every frame's position, by at most `max_step` samples, by one Gauss-Newton iteration on x_t(u) =
    a(u - d) + b(u - d) bg_t(u). turns, bool [B, K]: objects whose shape is corrected as well. `steadily`: tracks and
    shapes go straight on in frames that say little, as where an object is hidden behind another or mistaken for it."""
    b = 1 - sprites.mask[:, None, :, None]
    residual = patches.frame - sprites.color[:, None] - b * patches.background
    color_y, color_x = gradient(sprites.color)
    mask_y, mask_x = gradient(sprites.mask)
    slope_x = color_x[:, None] - mask_x[:, None, :, None] * patches.background
    slope_y = color_y[:, None] - mask_y[:, None, :, None] * patches.background
    # samples that the model cannot explain at all (another object, a shadow) get less say
    weight = shown(patches, sprites) / (1 + residual.square().mean(3, keepdim=True) / params.outlier**2)
    slopes = torch.stack([slope_x, slope_y], 3)
    if turns is not None:
        of_shape = shape_columns(slope_x, slope_y, sprites.shape) * turns[:, None, :, None, None, None, None]
        slopes = torch.cat([slopes, of_shape], 3)
    step, precision = corrections(slopes, residual, weight, params)
    sprites = moved_and_reshaped(sprites, step)
    if not steadily:
        return sprites
    misfit = residual.square().mean(3, keepdim=True) * sprites.mask[:, None, :, None] * shown(patches, sprites)
    noise = misfit.sum((3, 4, 5)) / (sprites.mask.sum((2, 3))[:, None] + 1e-3) + params.noise**2
    precision = precision / (noise * sprites.step[:, None].square())[..., None]
    centre = _steady(sprites.centre, precision[..., :2].mean(-1, keepdim=True), params.jolt_px)
    if turns is None:
        return replace(sprites, centre=centre)
    edge = (sprites.step * reach(sprites.patch_dim))[:, None, :, None]  # px: there a shape jolts as the centre does
    shape = _steady(sprites.shape * edge, precision[..., 2:], params.jolt_px) / edge
    return replace(sprites, centre=centre, shape=torch.where(turns[:, None, :, None], shape, sprites.shape))


def corrections(
    slopes: Tensor, residual: Tensor, weight: Tensor, params: SpriteParams = DISCOVERY.sprites,
) -> tuple[Tensor, Tensor]:
    """The changes [B, T, K, N], samples, that one Gauss-Newton iteration makes to N unknowns, x and y first, and how
    exactly each is known [B, T, K, N], 1 / samples^2, for residuals of 1. slopes [B, T, K, N, ...]: what each unknown
    changes in the picture; residual and weight [B, T, K, ...]."""
    weighted = (slopes * weight[:, :, :, None]).flatten(4)
    normal = weighted @ slopes.flatten(4).transpose(-1, -2)
    right = -(weighted @ residual.flatten(3)[..., None])[..., 0]
    told = normal.diagonal(dim1=-2, dim2=-1)[..., :2].sum(-1)
    normal = damped(normal, params.damping + params.relative_damping * told)
    return solve(normal, right).clamp(-params.max_step, params.max_step), normal.diagonal(dim1=-2, dim2=-1)


def reach(patch_dim: int) -> float:
    """Distance from a patch's middle, samples, at which a change of shape is counted as the shift that it makes there:
    the standard deviation of a square along one axis."""
    return patch_dim / 12**0.5


def shape_columns(slope_x: Tensor, slope_y: Tensor, shape: Tensor) -> Tensor:
    """What log_scale, log_aspect and angle change in the picture, [B, T, K, 3, C, P, P], for slopes [B, T, K, C, P, P]
    of an object of shape [B, T, K, 3]. The unit of each is the change that shifts places at the distance `reach` by one
    sample."""
    P = slope_x.shape[-1]
    x = (torch.arange(P, device=shape.device, dtype=shape.dtype) + 0.5 - P / 2) / reach(P)
    y, wider = x[:, None], (2 * shape[..., 1]).exp()[..., None, None, None]
    return torch.stack([
        x * slope_x + y * slope_y, x * slope_x - y * slope_y, x * wider * slope_y - y / wider * slope_x,
    ], 3)


def moved_and_reshaped(sprites: Sprites, step: Tensor) -> Sprites:
    """The sprites changed by step [B, T, K, 2 or 5], samples: two numbers for the place, then, if there are five, three
    for the shape, counted as `reach` says."""
    moved = sprites.moved(step[..., :2])
    return moved if step.shape[-1] == 2 else replace(moved, shape=moved.shape + step[..., 2:] / reach(moved.patch_dim))


def _steady(track: Tensor, precision: Tensor, jolt_px: float) -> Tensor:
    """The likeliest course of tracks [B, T, K, N], px, measured with `precision` [B, T, K, N or 1], 1 / px^2, if
    objects go straight on but for jolts (second differences) of standard deviation jolt_px (Whittaker 1923, "On a new
    method of graduation")."""
    T = track.shape[1]
    if T < 3:
        return track
    second = torch.eye(T, device=track.device, dtype=track.dtype).diff(n=2, dim=0)
    precision, track = precision.movedim(1, -1), track.movedim(1, -1)  # [B, K, N, T]
    matrix = torch.diag_embed(precision) + second.T @ second / jolt_px**2
    return torch.linalg.solve(matrix, (precision * track)[..., None])[..., 0].movedim(-1, 1)


def gradient(image: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences along the last two axes (y, x), zero at the border."""
    y = F.pad((image[..., 2:, :] - image[..., :-2, :]) / 2, (0, 0, 1, 1))
    x = F.pad((image[..., 2:] - image[..., :-2]) / 2, (1, 1))
    return y, x


def fit_visibility(patches: Patches, sprites: Sprites, params: SpriteParams = DISCOVERY.sprites) -> Sprites:
    """Sets the visibility: how much better each frame is explained with the object than without it, made nearly binary.

    Frames that say little (the object is covered, or looks like the background) follow their neighbours in time.
    """
    b = 1 - sprites.mask[:, None, :, None]
    with_object = (patches.frame - sprites.color[:, None] - b * patches.background).square()
    without = (patches.frame - patches.background).square()
    contrast = (sprites.color[:, None] - (1 - b) * patches.background).square()
    def total(x: Tensor) -> Tensor:
        return (patches.free * x).sum((3, 4, 5))
    at_stake, gain = total(contrast), total(without - with_object)
    T = gain.shape[1]
    times = torch.arange(T, device=gain.device, dtype=gain.dtype)
    near = torch.exp(-(times[:, None] - times).abs() / params.visible_memory)
    score = torch.einsum("ts,bsk->btk", near, gain) / (torch.einsum("ts,bsk->btk", near, at_stake) + 1e-3)
    return replace(sprites, visibility=torch.sigmoid(params.visible_slope * score))
