"""Between stored frames (uint8, channels last) and what models see (float32 in [0, 1], channels first)."""

import numpy as np
import torch
from torch import Tensor


def to_unit(frames: np.ndarray) -> Tensor:
    """uint8 [..., H, W, C] -> float32 [..., C, H, W] in [0, 1]."""
    assert frames.dtype == np.uint8 and frames.ndim >= 3, f"wanted uint8 [..., H, W, C], got {frames.dtype}"
    return torch.from_numpy(np.array(np.moveaxis(frames, -1, -3), order="C")).float().div_(255)


def to_uint8(frames: Tensor) -> np.ndarray:
    """float [..., C, H, W] -> uint8 [..., H, W, C], rounded; what lies outside [0, 1] is clipped."""
    assert frames.is_floating_point() and frames.ndim >= 3, f"wanted floats [..., C, H, W], got {frames.dtype}"
    levels = frames.detach().float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(levels.movedim(-3, -1).cpu().numpy())


def mean_picture(samples: np.ndarray) -> np.ndarray:
    """uint8 [..., S, T, H, W, C] -> the mean over the samples as one film, uint8 [..., T, H, W, C], rounded."""
    return samples.mean(-5, dtype=np.float32).round().astype(np.uint8)
