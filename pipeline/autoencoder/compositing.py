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
    """The share of each slot's window that nothing nearer covers, mask [B, T, K, H, W]: [B, T, K, h, w]."""
    K = mask.shape[2]
    before = front(depth) * (1 - torch.eye(K, device=depth.device))
    share = mask.new_ones(())
    for j in range(K):
        share = share * (1 - windows.crop(mask[:, :, j, None])[:, :, :, 0] * before[:, None, :, j, None, None])
    return share


def uncovered(mask: Tensor, depth: Tensor) -> Tensor:
    """The share of each slot's place that nothing nearer covers: prod_j (1 - mask_j front_kj), [B, T, K, H, W]."""
    before = front(depth)
    K = mask.shape[2]
    shares = []
    for k in range(K):
        share = torch.ones_like(mask[:, :, k])
        for j in range(K):
            if j != k:
                share = share * (1 - mask[:, :, j] * before[:, None, k, j, None, None])
        shares.append(share)
    return torch.stack(shares, 2)


def composite(background: Tensor, color: Tensor, mask: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
    """Frames [B, T, C, H, W] and alpha [B, T, K, H, W] (visibility after occlusion).

    background [B, T, C, H, W]; color [B, T, K, C, H, W] premultiplied by mask [B, T, K, H, W]; depth [B, K].
    """
    share = uncovered(mask, depth)
    alpha = mask * share
    rest = (1 - alpha.sum(2)).clamp(min=0)
    return rest[:, :, None] * background + (share[:, :, :, None] * color).sum(2), alpha
