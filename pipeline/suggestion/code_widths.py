"""How well codes of several widths draw clips that they were not fitted to: every second clip fits, the others test.

Legend: T frames, C channels, H W px. Pictures are float in [0, 1].
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.background import BLOCK
from pipeline.autoencoder.principal_components import principal_components
from pipeline.autoencoder.remainder import DetailCode
from pipeline.metrics.frame_quality import frame_quality
from pipeline.suggestion.thresholds import Thresholds


def background_ssim(backgrounds: list[Tensor], share_scene: bool, params: Thresholds) -> dict[int, float]:
    """ssim of backgrounds [C, H, W] drawn from so many numbers per block (principal components, with which training
    begins); where they share a scene, of what differs from it. Empty where there is one clip alone."""
    if len(backgrounds) < 2:
        return {}
    known, tested = (torch.stack(backgrounds[start::2]) for start in (0, 1))
    scene = known.median(0).values if share_scene else torch.zeros_like(known[0])
    known = known - scene
    rows, shape = _blocks(known), (-(-known.shape[-2] // BLOCK) * BLOCK, -(-known.shape[-1] // BLOCK) * BLOCK)
    found = {}
    for width in params.background_widths:
        mean, components, _ = principal_components(rows, width)
        drawn = (_blocks(tested - scene) - mean) @ components.T @ components + mean
        pictures = F.fold(drawn.view(len(tested), -1, drawn.shape[1]).transpose(1, 2), shape, BLOCK, stride=BLOCK)
        pictures = (pictures[..., :known.shape[-2], :known.shape[-1]] + scene).clamp(0, 1)
        found[width] = float(frame_quality(pictures, tested)["ssim"].mean())
    return found


def _blocks(pictures: Tensor) -> Tensor:
    """Pictures [N, C, H, W] -> the values of their blocks [N * blocks, C * BLOCK^2]."""
    height, width = pictures.shape[-2:]
    padded = F.pad(pictures, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    return F.unfold(padded, BLOCK, stride=BLOCK).transpose(1, 2).flatten(0, 1)


def detail_psnr(leftover: list[np.ndarray], params: Thresholds) -> dict[int, float]:
    """dB that a detail code of each width (0: none) leaves over of [T, C, H, W] of every second clip, fitted to the
    other clips; empty where there is one clip alone."""
    if len(leftover) < 2:
        return {}
    known, tested = (torch.from_numpy(np.concatenate(leftover[start::2])) for start in (0, 1))
    size = known[0].numel()
    found = {0: psnr_of(tested.numpy())}
    _, height, width = known.shape[1:]
    for dim in params.detail_widths:
        if dim * 4 > size:
            break
        code = DetailCode(known.shape[1], height, width, dim)
        blocks = code.blocks(known)
        _, vectors = torch.linalg.eigh(torch.einsum("nrl,nsl->rs", blocks, blocks))
        components = vectors.flip(1).T
        code.fit(components, (components @ blocks).square().mean(0))
        found[dim] = psnr_of((tested - code.decode(code.encode(tested))).numpy())
    return found


def psnr_of(error: np.ndarray) -> float:
    """dB, at most 100."""
    return float(-10 * np.log10(max(np.square(error, dtype=np.float64).mean(), 1e-10)))
