"""Patches cut from frames and pasted into frames.

A patch lies in a frame as its matrix [2, 3] says, which takes a point (x, y, 1) of the patch, counted in samples from
its middle, to px of the frame, the first pixel's centre at 0.5. After the spatial transformer of Jaderberg et al. 2015
(arXiv 1506.02025). Where patches are only scaled and shifted the bilinear kernel is separable, and both ways are two
batched matrix products; turned or sheared ones are read point by point, longer where the new grid is coarser.

Legend: P patch side in samples, N images, K patches of each, C channels, H W frame.
"""

from collections.abc import Callable
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import resampling
from pipeline.latents import pose

MAX_TAPS = 4
"""A place of a coarse grid is an average over up to 2 * MAX_TAPS - 1 points along each of the grid's axes."""
TAP_SLACK = 0.25
"""By this share a grid may be coarser than the pixels before its places become averages, which take nine times as
long."""
COARSE = 1.25
"""Where a grid's places are at least twice so many px apart along both axes, the image is halved before it is read, and
so on: then 9 points are averaged per place, seldom 25, where 25 to 49 were. Below that, halving would blur more than a
coarse place should."""
MAX_HALVINGS = 4
"""How often at most, which is enough for places of 40 px."""


def cut(image: Tensor, matrix: Tensor, patch_dim: int) -> Tensor:
    """Patches [N, K, C, P, P] of images [N, C, H, W] where matrix [N, K, 2, 3] says; zero outside the frame."""
    return each_its_way(
        _turns(matrix), image, matrix, lambda image, matrix: _cut_upright(image, matrix, patch_dim),
        lambda image, matrix: _read(image, matrix, patch_dim, patch_dim),
    )


def paste(patch: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """Pictures [N, K, C, H, W] of patches [N, K, C, P, P], drawn where matrix [N, K, 2, 3] says; zero around them."""
    single = matrix.flatten(0, 1)[:, None]
    drawn = each_its_way(
        _turns(single), patch.flatten(0, 1), single,
        lambda patch, matrix: _paste_upright(patch, matrix, height, width),
        lambda patch, matrix: _paste_turned(patch, matrix, height, width),
    )
    return drawn.squeeze(1).unflatten(0, patch.shape[:2])


def _turns(matrix: Tensor) -> Tensor:
    """bool [N]: whether any of matrices [N, K, 2, 3] is more than scaled and shifted; none is on the meta device, which
    has no values."""
    return torch.zeros(len(matrix), dtype=torch.bool) if matrix.is_meta else ~pose.scale_and_shift(matrix).all(1)


def each_its_way(
    turns: Tensor, image: Tensor, how: Tensor, upright: Callable[[Tensor, Tensor], Tensor],
    turned: Callable[[Tensor, Tensor], Tensor],
) -> Tensor:
    """Images [N, ...] drawn as `how` [N, ...] says, those that do not turn the fast way, the others point by point
    (turns, bool [N]); each as if it were alone, so that it does not matter which are taken together."""
    if not turns.any():
        return upright(image, how)
    if turns.all():
        return turned(image, how)
    parts = turned(image[turns], how[turns]), upright(image[~turns], how[~turns])
    order = torch.cat([turns.nonzero()[:, 0], (~turns).nonzero()[:, 0]]).argsort()
    return torch.cat(parts)[order]


def _cut_upright(image: Tensor, matrix: Tensor, patch_dim: int) -> Tensor:
    (N, C, H, W), K, P = image.shape, matrix.shape[1], patch_dim
    weights_x, weights_y = (
        resampling.weights(resampling.spaced(middle, step, P), step, side)
        for middle, step, side in zip(*_axes(matrix), (W, H), strict=True)
    )
    columns = image.reshape(N, 1, C * H, W) @ weights_x.transpose(-1, -2)  # of all channels, in one product
    return weights_y.unsqueeze(2) @ columns.view(N, K, C, H, P)


def _paste_upright(patch: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """[N, 1, C, height, width] of patches [N, C, P, P], matrix [N, 1, 2, 3]."""
    weights_x, weights_y = (
        _paste_weights(middle, step, patch.shape[-1], side)
        for middle, step, side in zip(*_axes(matrix), (width, height), strict=True)
    )
    return weights_y.unsqueeze(-3) @ (patch[:, None] @ weights_x.transpose(-1, -2).unsqueeze(-3))


def _paste_turned(patch: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """The same of patches that turn."""
    # from the frame's middle to the patch's, then counted from the patch's edge
    half = patch.shape[-1] / 2
    back = _shifted(pose.inverse(_shifted(matrix, -width / 2, -height / 2)), half, half)
    return _read(patch, back, height, width)


def warp(image: Tensor, matrix: Tensor) -> Tensor:
    """Images [N, C, H, W] read where matrix [N, 2, 3] leads from each pixel of another frame of that size; zero outside
    of them."""
    height, width = image.shape[-2:]
    middle = matrix.new_tensor([[width / 2], [height / 2]])
    counted = torch.cat([matrix[..., :2], matrix[..., :2] @ middle + matrix[..., 2:]], -1)  # from the frame's middle
    return _read(image, counted[:, None], height, width)[:, 0]


def look_through(image: Tensor, matrix: Tensor, height: int, width: int) -> Tensor:
    """Images [N, C, h, w] read where matrix [N, K, 2, 3] leads from each pixel of K frames, both counted from their
    middles: [N, K, C, height, width]. Past an image its edge goes on."""
    counted = _shifted(matrix, image.shape[-1] / 2, image.shape[-2] / 2)
    return _read(image, counted, height, width, edge_goes_on=True)


def _axes(matrix: Tensor) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """The middles of patches that are only scaled and shifted, px, and their px per sample: each [N, K] in x and y."""
    return matrix[..., 2].unbind(-1), matrix.diagonal(dim1=-2, dim2=-1).unbind(-1)


def _paste_weights(middle: Tensor, step: Tensor, patch_dim: int, num_pixels: int) -> Tensor:
    """Weights [N, K, num_pixels, P] that draw a patch into one axis of a frame."""
    pixels = torch.arange(num_pixels, device=middle.device, dtype=middle.dtype) + 0.5
    places = (pixels - middle[..., None]) / step[..., None] + patch_dim / 2
    return resampling.weights(places, 1 / step, patch_dim)


def _read(image: Tensor, matrix: Tensor, height: int, width: int, edge_goes_on: bool = False) -> Tensor:
    """Images [N, C, h, w] read at the places of a grid, [N, K, C, height, width], zero outside of them unless their
    edge goes on. matrix [N, K, 2, 3] takes a place, counted from the grid's middle, to px of the image, counted from
    its edge.

    A place that is much coarser than a pixel is an average with the variance of the kernel in `resampling`: of points
    with triangular weights (where it is up to two px wide, and a whole number, the two are equal), and where it is
    coarser still, of points in the image halved. The gradient of `image` adds up in no fixed order on CUDA, so it may
    differ in its last bits from run to run.
    """
    (N, K), step = matrix.shape[:2], matrix[..., :2].detach().norm(dim=-2).amin(-1)
    halvings = sum((step >= COARSE * 2**n).long() for n in range(1, MAX_HALVINGS + 1)).flatten()
    if not halvings.any():
        return _read_points(image, matrix, height, width, edge_goes_on, 0)
    parts, places = [], []
    for count in halvings.unique().tolist():
        places.append((halvings == count).nonzero()[:, 0])
        own = _halved(image[places[-1] // K], count, edge_goes_on)
        parts.append(_read_points(own, matrix.flatten(0, 1)[places[-1], None] / 2**count, height, width, edge_goes_on,
                                  count))
    return torch.cat(parts)[torch.cat(places).argsort()].view(N, K, -1, height, width)


def _halved(image: Tensor, times: int, edge_goes_on: bool) -> Tensor:
    """Images [N, C, h, w] halved so often: means of 2 x 2 px, the last of which reach past the edge where a side is
    odd. Rows first, in a fifth of the time that avg_pool2d takes."""
    for _ in range(times):
        past = [0, image.shape[-1] % 2, 0, image.shape[-2] % 2]
        if any(past):
            image = F.pad(image, past, "replicate" if edge_goes_on else "constant")
        image = image[..., ::2, :] + image[..., 1::2, :]
        image = (image[..., ::2] + image[..., 1::2]) / 4
    return image


def _read_points(
    image: Tensor, matrix: Tensor, height: int, width: int, edge_goes_on: bool, halvings: int,
) -> Tensor:
    """As `_read`, of images that have been halved so often, and without halving them."""
    K = matrix.shape[1]
    size = matrix.new_tensor([image.shape[-1], image.shape[-2]])
    y, x = (torch.arange(n, device=matrix.device, dtype=matrix.dtype) + 0.5 - n / 2 for n in (height, width))
    along_x, along_y, middle = matrix[:, :, None, None].unbind(-1)
    places = (along_x * x[:, None] + along_y * y[:, None, None] + middle) * (2 / size) - 1
    total = image.new_zeros(())
    for (weight_x, offset_x), (weight_y, offset_y) in product(*(_taps(way, halvings) for way in (along_x, along_y))):
        grid = places + (offset_x + offset_y) * (2 / size)
        padding = "border" if edge_goes_on else "zeros"
        read = F.grid_sample(image, grid.flatten(1, 2), padding_mode=padding, align_corners=False)
        total = total + weight_x * weight_y * read.unflatten(2, (K, height)).transpose(1, 2)
    return total


def _taps(along: Tensor, halvings: int) -> list[tuple[Tensor, Tensor]]:
    """Weights [N, K, 1, 1, 1] and offsets [N, K, 1, 1, 2] px of the points that are averaged along one axis of a grid,
    whose places are `along` [N, K, 1, 1, 2] px apart. A grid has as many points as it needs, whatever the others do.

    The variance of 2 count - 1 points with triangular weights is (count^2 - 1) / 6 times the square of the distance
    between neighbours. Linear interpolation at each point adds 1 / 6 px^2, means over n x n pixels that became one
    have added (1 - 1 / n^2) / 12 px^2, and step^2 / 6 is wanted in all.
    """
    step = along.norm(dim=-1, keepdim=True)
    count = (step.detach() - TAP_SLACK).ceil().clamp(1, MAX_TAPS)
    wanted = step.square() - 1 - (1 - 4.0**-halvings) / 2
    distance = (wanted.clamp(min=1e-8) / (count.square() - 1).clamp(min=1)).sqrt()
    to_next = distance * along / step
    most = int(count.max())
    return [((count - abs(i)).clamp(min=0) / count.square(), i * to_next) for i in range(1 - most, most)]


def _shifted(matrix: Tensor, x: float, y: float) -> Tensor:
    """matrix [..., 2, 3] that leads (x, y) px further."""
    return torch.cat([matrix[..., :2], matrix[..., 2:] + matrix.new_tensor([[x], [y]])], -1)
