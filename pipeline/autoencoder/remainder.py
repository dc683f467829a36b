"""What the layers leave over, in few numbers: of an object's picture (the deformation code) and of the frame, what is
displaced in it (the motion code, `displacement.py`) and what has another colour (the detail code).

All are found in closed form on the trained layers (`fit_remainder`), so that layers explain what they can; a code of
this kind learned from random weights adds nothing in the same time.

Legend: N frames or pictures, D code width, C channels, H W frame, P patch side in samples, R numbers of an 8x8 block.
"""

from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pipeline.autoencoder.background import BLOCK, num_blocks
from pipeline.autoencoder.displacement import DisplacementCode, Seen
from pipeline.errors import UserError

FRAME_COSINES = 8
"""Cosines along the longer side of a frame that displace it."""
PICTURE_COSINES = 4
"""Cosines along either side of an object's picture that displace it: limbs, not threads."""
REACH = 2
"""Samples beyond the mask that a displacement is fitted to."""


def frame_motion(height: int, width: int, motion_dim: int) -> DisplacementCode:
    """The motion code of frames. Raises UserError when so many numbers cannot displace them."""
    code = DisplacementCode(height, width, motion_dim, FRAME_COSINES)
    if len(code.components) < motion_dim:
        raise UserError(
            f"train_autoencoder.architecture.motion_dim is {motion_dim}: frames of {width}x{height} are displaced by "
            f"{len(code.components)} numbers at most; lower it"
        )
    return code


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
    """How an object's picture differs from that of its clip, in its own coordinates, [N, D]. Half of the numbers, the
    first ones, displace colour and mask; the others are principal components of the colour that is then left over.

    On the pictures of clips that were not fitted, four and four numbers leave over less than eight of either kind where
    people and animals move, and eight and eight less than sixteen.
    """

    components: Tensor
    """[D - displacements, C P P] orthonormal rows, or zero"""
    scale: Tensor
    """[D - displacements] standard deviations"""

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
        self.displacement = DisplacementCode(patch_dim, patch_dim, deformation_dim // 2, PICTURE_COSINES)
        num_colors = deformation_dim - len(self.displacement.scale)
        self.register_buffer("components", torch.zeros(num_colors, rows))
        self.register_buffer("scale", torch.ones(num_colors))

    def encode(self, seen: Seen) -> Tensor:
        """[N, D] of what is seen in the place of pictures that have a mask."""
        displacements = self.displacement.encode(_around(seen))
        return torch.cat([displacements, self._colors(seen, displacements) @ self.components.T / self.scale], 1)

    def displacements(self, seen: Seen) -> Tensor:
        """All that may be said of how the pictures are displaced, [N, 2 J]."""
        return self.displacement.numbers(_around(seen))

    def colors(self, seen: Seen) -> Tensor:
        """[N, C P P]: the colour that is left over after displacing, where the pictures show."""
        return self._colors(seen, self.displacement.encode(_around(seen)))

    def _colors(self, seen: Seen, displacements: Tensor) -> Tensor:
        assert seen.free is not None
        picture = self.displacement.drawn(displacements, seen.picture)
        return (replace(seen, picture=picture).left_over() * picture[:, -1:] * seen.free).flatten(1)

    def drawn(self, code: Tensor, picture: Tensor) -> Tensor:
        """Pictures [N, C + 1, P, P] as codes [N, D] change them."""
        displacements, colors = code.split([len(self.displacement.scale), len(self.scale)], 1)
        change = ((colors * self.scale) @ self.components).unflatten(1, self.picture_shape)
        return self.displacement.drawn(displacements, picture) + F.pad(change, (0, 0, 0, 0, 0, 1))

    def fit_colors(self, components: Tensor, energy: Tensor) -> None:
        """Sets the colours, in place, from components [C P P, C P P], the most varying first, and energy [C P P]: the
        mean square of each one's number."""
        num_codes = len(self.components)
        self.components.copy_(components[:num_codes] * (energy[:num_codes, None] > 0))
        self.scale.copy_(energy[:num_codes].sqrt().clamp(min=1e-4))


def _around(seen: Seen) -> Seen:
    """The same, free in and beside the pictures' masks alone, where displaced ones could show."""
    assert seen.free is not None
    return replace(seen, free=seen.free * F.max_pool2d(seen.picture[:, -1:], 2 * REACH + 1, 1, REACH))
