"""Patches cut from frames and pasted into frames, as two batched matrix products with triangular (linear) weights.

Legend: P patch side in samples, N pixels along an axis of the frame. Frame coordinates are px, the first pixel's centre at 0.5.
After the spatial transformer of Jaderberg et al. 2015 (arXiv 1506.02025), restricted to shift and scale, where the bilinear
kernel is separable; the kernel widens with the coarser of the two grids, so that nothing aliases.
"""

import torch
from torch import Tensor


def cut_weights(centre: Tensor, step: Tensor, patch_dim: int, num_pixels: int) -> Tensor:
    """Weights [..., P, N] that read a patch out of one axis of a frame.

    centre [...]: patch centre, px; step [...]: px between neighbouring samples. Rows whose samples lie inside the frame sum to 1.
    """
    offsets = torch.arange(patch_dim, device=centre.device, dtype=centre.dtype) + 0.5 - patch_dim / 2
    samples = centre[..., None] + step[..., None] * offsets
    pixels = torch.arange(num_pixels, device=centre.device, dtype=centre.dtype) + 0.5
    width = step.clamp(min=1.0)[..., None, None]
    return (1 - (samples[..., None] - pixels).abs() / width).clamp(min=0) / width


def paste_weights(centre: Tensor, step: Tensor, patch_dim: int, num_pixels: int) -> Tensor:
    """Weights [..., N, P] that draw a patch into one axis of a frame; arguments as in `cut_weights`. Zero off the patch."""
    pixels = torch.arange(num_pixels, device=centre.device, dtype=centre.dtype) + 0.5
    places = (pixels - centre[..., None]) / step[..., None] + patch_dim / 2
    samples = torch.arange(patch_dim, device=centre.device, dtype=centre.dtype) + 0.5
    width = (1 / step).clamp(min=1.0)[..., None, None]
    return (1 - (places[..., None] - samples).abs() / width).clamp(min=0) / width


def apply(weights_y: Tensor, weights_x: Tensor, image: Tensor) -> Tensor:
    """Resamples image [..., C, H, W] with weights_y [..., h, H] and weights_x [..., w, W] to [..., C, h, w]."""
    return weights_y.unsqueeze(-3) @ image @ weights_x.unsqueeze(-3).transpose(-1, -2)
