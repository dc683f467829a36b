"""Layers into frames: alpha compositing with a depth order that may be uncertain.

Legend: B batch, T frames, K slots, C channels, H W frame, h w window.
"""

import torch
from torch import Tensor

from pipeline.autoencoder.windows import Windows


def front(depth: Tensor) -> Tensor:
    """[B, K, K]: how surely slot j (last axis) lies before slot k, a sigmoid of the difference in depth [B, K]."""
    return torch.sigmoid(depth[:, None, :] - depth[:, :, None])


def uncovered_within(windows: Windows, mask: Tensor, depth: Tensor) -> Tensor:
    """The share of each slot's window that nothing nearer covers, prod_j (1 - mask_j front_kj), mask [B, T, K, H, W]:
    [B, T, K, h, w]."""
    before = front(depth) * (1 - torch.eye(mask.shape[2], device=depth.device))
    share = mask.new_ones(())
    for j, other in enumerate(mask.unbind(2)):  # not mask[:, :, j], whose gradient would be as large as all masks'
        share = share * (1 - windows.crop(other[:, :, None])[:, :, :, 0] * before[:, None, :, j, None, None])
    return share


def uncovered(windows: Windows, mask: Tensor, depth: Tensor) -> Tensor:
    """The same of masks [B, T, K, h, w] in their windows, for which no frame is needed; without a gradient."""
    if windows.size == windows.frame:
        return uncovered_within(windows, mask, depth)
    before, share = front(depth), torch.ones_like(mask)
    for overlap in windows.overlaps:
        covered = overlap.of_other(mask) * before[overlap.clip, overlap.slot, overlap.other, None, None]
        overlap.put(share, overlap.of_own(share) * (1 - covered))
    return share


def composite(
    background: Tensor, color: Tensor, mask: Tensor, depth: Tensor, windows: Windows,
) -> tuple[Tensor, Tensor]:
    """Frames [B, T, C, H, W] and alpha [B, T, K, h, w] (visibility after occlusion).

    background [B, T, C, H, W]; color [B, T, K, C, h, w] premultiplied by mask [B, T, K, h, w], both in their windows;
    depth [B, K].
    """
    share = uncovered_within(windows, windows.lay(mask), depth)
    layers = torch.cat([color, mask[:, :, :, None]], 3) * share[:, :, :, None]
    shown, covered = windows.total(layers).split([color.shape[3], 1], 2)
    return (1 - covered).clamp(min=0) * background + shown, layers[:, :, :, -1]
