"""Patches cut from frames and pasted into frames, as two batched matrix products with triangular (linear) weights.

Legend: P patch side in samples, N images, K patches of each, C channels, H W frame. Frame coordinates are px, the
first pixel's centre at 0.5. After the spatial transformer of Jaderberg et al. 2015 (arXiv 1506.02025), restricted to
shift and scale, where the bilinear kernel is separable; the kernel widens with the coarser of the two grids, so that
nothing aliases.
"""

import torch
from torch import Tensor


def cut_weights(centre: Tensor, step: Tensor, patch_dim: int, num_pixels: int) -> Tensor:
    """Weights [..., P, num_pixels] that read a patch out of one axis of a frame.

    centre [...]: patch centre, px; step [...]: px between neighbouring samples. Rows whose samples lie inside the
    frame sum to 1.
    """
    offsets = torch.arange(patch_dim, device=centre.device, dtype=centre.dtype) + 0.5 - patch_dim / 2
    samples = centre[..., None] + step[..., None] * offsets
    pixels = torch.arange(num_pixels, device=centre.device, dtype=centre.dtype) + 0.5
    width = step.clamp(min=1.0)[..., None, None]
    return (1 - (samples[..., None] - pixels).abs() / width).clamp(min=0) / width


def paste_weights(centre: Tensor, step: Tensor, patch_dim: int, num_pixels: int) -> Tensor:
    """Weights [..., num_pixels, P] that draw a patch into one axis of a frame; arguments as in `cut_weights`. Zero
    off the patch."""
    pixels = torch.arange(num_pixels, device=centre.device, dtype=centre.dtype) + 0.5
    places = (pixels - centre[..., None]) / step[..., None] + patch_dim / 2
    samples = torch.arange(patch_dim, device=centre.device, dtype=centre.dtype) + 0.5
    width = (1 / step).clamp(min=1.0)[..., None, None]
    return (1 - (places[..., None] - samples).abs() / width).clamp(min=0) / width


def cut(image: Tensor, centre: Tensor, step: Tensor, patch_dim: int) -> Tensor:
    """Patches [N, K, C, P, P] of images [N, C, H, W] at centre [N, K, 2] (x, y); zero outside the frame."""
    N, C, H, W = image.shape
    K, P = centre.shape[1], patch_dim
    weights_y = cut_weights(centre[..., 1], step, P, H).reshape(N, K * P, H)
    weights_x = cut_weights(centre[..., 0], step, P, W)
    # all slots' rows in one product, so that the image is read once
    rows = (weights_y @ image.transpose(1, 2).reshape(N, H, C * W)).view(N, K, P * C, W)
    return (rows @ weights_x.transpose(-1, -2)).view(N, K, P, C, P).transpose(2, 3)


def paste(patch: Tensor, centre: Tensor, step: Tensor, height: int, width: int) -> Tensor:
    """Pictures [N, K, C, H, W] of patches [N, K, C, P, P], zero but for the patch drawn at centre [N, K, 2]."""
    weights_y = paste_weights(centre[..., 1], step, patch.shape[-1], height)
    weights_x = paste_weights(centre[..., 0], step, patch.shape[-1], width)
    return weights_y.unsqueeze(-3) @ (patch @ weights_x.transpose(-1, -2).unsqueeze(-3))
