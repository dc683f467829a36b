"""The background behind the objects, on its canvas.

Legend: B clips, T frames, C channels, H W frame, H' W' canvas.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.camera import lay_out
from pipeline.autoencoder.discovery_params import DISCOVERY, BackgroundParams
from pipeline.autoencoder.medians import median_over_time
from pipeline.autoencoder.sums import squared, weighted


def median_background(
    frames: Tensor, camera: Tensor, margin: int, params: BackgroundParams = DISCOVERY.background,
) -> Tensor:
    """Temporal median [B, C, H', W'] of frames [B, T, C, H, W], each where camera [B, T, CAMERA] lays it on a canvas of
    that margin, px."""
    if margin == 0:
        return median_over_time(frames, torch.ones_like(frames[:, :, :1, :1, :1], dtype=torch.bool))
    laid = lay_out(torch.cat([frames, torch.ones_like(frames[:, :, :1])], 2), camera, margin)
    median = torch.where(laid[:, :, -1:] > params.shown, laid[:, :, :-1], torch.nan).nanmedian(1).values
    return _fill(median.nan_to_num(), (~median[:, :1].isnan()).to(frames), params.trusted)


def background_behind(
    frames: Tensor, covered: Tensor, camera: Tensor, margin: int, params: BackgroundParams = DISCOVERY.background,
) -> tuple[Tensor, Tensor]:
    """As `estimate_background`, on a canvas of that margin, px, on which camera [B, T, CAMERA] lays the frames."""
    if margin:
        laid = lay_out(torch.cat([frames, 1 - covered[:, :, None]], 2), camera, margin)
        frames, covered = laid[:, :, :-1], 1 - laid[:, :, -1]
    return estimate_background(frames, covered, params)


def estimate_background(
    frames: Tensor, covered: Tensor, params: BackgroundParams = DISCOVERY.background,
) -> tuple[Tensor, Tensor]:
    """Robust mean [B, C, H, W] of the frames where nothing covers them (covered [B, T, H, W] in [0, 1]), filled in
    where something always does; and [B, 1, H, W] 1 where a frame or more showed it."""
    weight = (1 - covered).clamp(0, 1).square()[:, :, None]
    total, squares, C = weight.sum(1), squared(frames, 2)[:, :, None], frames.shape[2]
    background = weighted(frames, weight, 1) / total.clamp(min=1e-6)
    for scale in params.scales:
        misfit = squares + squared(background, 1)[:, None, None]  # and -2 x bg, channel by channel
        for shown, behind in zip(frames.split(1, 2), background[:, None].split(1, 2), strict=True):
            misfit.addcmul_(shown, behind, value=-2)
        trust = weight / misfit.div_(C * scale**2).add_(1)
        background = weighted(frames, trust, 1) / trust.sum(1).clamp(min=1e-6)
    seen = total.clamp(max=1)
    return _fill(background, seen, params.trusted), seen


def _fill(image: Tensor, seen: Tensor, trusted: float) -> Tensor:
    """Replaces what was not seen (0 in [B, 1, H, W]) by averages of what was, as wide as need be (push and pull). An
    average of which at least the share `trusted` was seen needs no wider one beside it."""
    color, weight = image * seen, seen
    pushed = [(color, weight)]
    while min(color.shape[-2:]) > 1:
        color, weight = (F.avg_pool2d(x, 2, ceil_mode=True) for x in (color, weight))
        pushed.append((color, weight))
    filled = color / weight.clamp(min=1e-6)
    for color, weight in reversed(pushed[:-1]):
        coarse = F.interpolate(filled, size=color.shape[-2:], mode="bilinear", align_corners=False)
        share = (weight / trusted).clamp(max=1)
        filled = share * color / weight.clamp(min=1e-6) + (1 - share) * coarse
    return seen * image + (1 - seen) * filled
