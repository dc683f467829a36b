"""Reads lines of pixels between the pixels: one axis of a resampling, with triangular (linear) weights.

A line is resampled by a matrix product with its weights, a picture by two of them, one per axis. The kernel is as wide
as the coarser of the two grids, so that nothing aliases.

Legend: ... any leading axes, N places that are read, M pixels of the line. Places are px along the line, the first
pixel's centre at 0.5.
"""

import torch
from torch import Tensor


def spaced(middle: Tensor, step: Tensor, num_places: int) -> Tensor:
    """Places [..., N] that lie `step` [...] px apart around `middle` [...] px."""
    offsets = torch.arange(num_places, device=middle.device, dtype=middle.dtype) + 0.5 - num_places / 2
    return middle[..., None] + step[..., None] * offsets


def weights(places: Tensor, step: Tensor, num_pixels: int, edge_goes_on: bool = False) -> Tensor:
    """Weights [..., N, M] that read a line of pixels at `places` [..., N], which are `step` [...] px apart.

    Beyond the line there is nothing; with `edge_goes_on` there is what its end shows, and then the weights of every
    place add up to 1.
    """
    if edge_goes_on:
        places = places.clamp(0.5, num_pixels - 0.5)
    pixels = torch.arange(num_pixels, device=places.device, dtype=places.dtype) + 0.5
    width = step.abs().clamp(min=1.0)[..., None, None]
    near = (1 - (places[..., None] - pixels).abs() / width).clamp(min=0)
    return near / (near.sum(-1, keepdim=True) if edge_goes_on else width)
