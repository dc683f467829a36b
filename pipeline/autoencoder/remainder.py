"""What the layers leave over, in few numbers: of the frame (the detail code) and of an object's picture (deformation).

Both are linear and found in closed form on the trained layers (`fit_remainder`), so that layers explain what they can;
a code of this kind learned from random weights adds nothing in the same time.

Legend: N frames or pictures, D code width, C channels, H W frame, P patch side in samples, R numbers of an 8x8 block.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.autoencoder.background import BLOCK, num_blocks
from pipeline.errors import UserError


class DetailCode(nn.Module):
    """[N, C, H, W] <-> [N, D]. Principal components describe every 8x8 block; of all these numbers, at all places, the
    code keeps the D that vary most.

    Zonal coding by variance (Jain 1989, "Fundamentals of digital image processing", section 11.5): where nothing is
    ever left over, no number is spent.
    """

    components: Tensor
    """[R, R] orthonormal rows, the most varying first"""
    chosen: Tensor
    """[D] places in [R, blocks], flattened"""
    scale: Tensor
    """[D] standard deviations"""

    def __init__(self, num_channels: int, height: int, width: int, detail_dim: int):
        """Raises UserError when a frame holds fewer numbers than the code."""
        super().__init__()
        self.frame_shape, rows = (num_channels, height, width), num_channels * BLOCK**2
        h, w = num_blocks(height, width)
        if detail_dim > rows * h * w:
            raise UserError(
                f"train_autoencoder.architecture.detail_dim is {detail_dim}: frames of {width}x{height} hold only "
                f"{rows * h * w} numbers; lower it"
            )
        self.padded = h * BLOCK, w * BLOCK
        self.register_buffer("components", torch.eye(rows))
        self.register_buffer("chosen", torch.arange(detail_dim))
        self.register_buffer("scale", torch.ones(detail_dim))

    def encode(self, remainder: Tensor) -> Tensor:
        return (self.components @ self.blocks(remainder)).flatten(1)[:, self.chosen] / self.scale

    def decode(self, code: Tensor) -> Tensor:
        num_rows, (_, height, width) = len(self.components), self.frame_shape
        numbers = code.new_zeros(len(code), num_rows * self.padded[0] * self.padded[1] // BLOCK**2)
        numbers = numbers.index_copy(1, self.chosen, code * self.scale).unflatten(1, (num_rows, -1))
        return F.fold(self.components.T @ numbers, self.padded, BLOCK, stride=BLOCK)[..., :height, :width]

    def blocks(self, remainder: Tensor) -> Tensor:
        """[N, R, blocks] of remainder [N, C, H, W], zero past its edges."""
        height, width = remainder.shape[-2:]
        padded = F.pad(remainder, (0, self.padded[1] - width, 0, self.padded[0] - height))
        return F.unfold(padded, BLOCK, stride=BLOCK)

    def fit(self, components: Tensor, energy: Tensor) -> None:
        """Sets the code, in place, from components [R, R] and energy [R, blocks]: the mean square of each component's
        number at each place."""
        self.components.copy_(components)
        largest = energy.flatten().sort(descending=True, stable=True)
        self.chosen.copy_(largest.indices[:len(self.chosen)])
        self.scale.copy_(largest.values[:len(self.chosen)].sqrt().clamp(min=1e-4))


class DeformationCode(nn.Module):
    """[N, C, P, P] <-> [N, D]: principal components of what an object's picture leaves over, in its own coordinates.
    Only colour changes; the clip's mask still says where the object is."""

    components: Tensor
    """[D, C P P] orthonormal rows, or zero"""
    scale: Tensor
    """[D] standard deviations"""

    def __init__(self, num_channels: int, patch_dim: int, deformation_dim: int):
        """Raises UserError when a picture holds fewer numbers than the code."""
        super().__init__()
        self.picture_shape = (num_channels, patch_dim, patch_dim)
        rows = num_channels * patch_dim**2
        if deformation_dim > rows:
            raise UserError(
                f"train_autoencoder.architecture.deformation_dim is {deformation_dim}: pictures of "
                f"{patch_dim}x{patch_dim} hold only {rows} numbers; lower it"
            )
        self.register_buffer("components", torch.zeros(deformation_dim, rows))
        self.register_buffer("scale", torch.ones(deformation_dim))

    def encode(self, remainder: Tensor) -> Tensor:
        return remainder.flatten(1) @ self.components.T / self.scale

    def decode(self, code: Tensor) -> Tensor:
        return ((code * self.scale) @ self.components).unflatten(1, self.picture_shape)

    def fit(self, components: Tensor, energy: Tensor) -> None:
        """Sets the code, in place, from components [C P P, C P P], the most varying first, and energy [C P P]: the mean
        square of each one's number."""
        num_codes = len(self.components)
        self.components.copy_(components[:num_codes] * (energy[:num_codes, None] > 0))
        self.scale.copy_(energy[:num_codes].sqrt().clamp(min=1e-4))
