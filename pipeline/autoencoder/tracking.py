"""Where the moving objects are: tracks found without learning, from the difference to the background.

Legend: B clips, T frames, K slots, C channels, h w the discovery grid, on which a typical object is object_cells wide.
All positions here are (x, y) in cells, the first cell's centre at 0.5.

Tracks are found greedily, slot by slot: each is the smoothest path (Viterbi) through the evidence that no earlier one
explains. Then all tracks are refined jointly by expectation-maximisation over cells: a mixture as in Wren et al. 1997
("Pfinder") of objects, each with a position and a colour, a background class and an outlier class.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import windows
from pipeline.autoencoder.best_path import best_path
from pipeline.autoencoder.discovery_params import DISCOVERY, EvidenceParams, ExtentParams, TrackingParams
from pipeline.autoencoder.sprites import take_slots
from pipeline.autoencoder.sums import squared
from pipeline.autoencoder.track_extent import extent

FAR = 80.0
"""exp(-FAR) is nothing beside 1, and not yet below what a float holds: a CPU takes ten times as long over numbers that
are."""
CELLS_AT_ONCE = 48
"""By trial: frames of 96x128 px take half the time then that they take all at once, with the same bytes on four sets;
with 16 to 32 a little less, and some sets then differ by rounding."""


class Cells(NamedTuple):
    """A clip on the discovery grid."""

    frames: Tensor
    """[B, T, C, h, w] means"""
    background: Tensor
    """[B, 1 or T, C, h, w] means of the pixels in a cell, as those of `frames`"""
    color: Tensor
    """[B, T, C, h, w] mean of what differs from the background, since edges and thin strokes fill only a part of a
    cell"""
    moving: Tensor
    """[B, T, h, w] the `evidence` that something moves"""
    cell_px: Tensor
    """[2] px per cell in x and y"""
    object_cells: float
    """width of a typical object, cells"""


class Tracks(NamedTuple):
    centre: Tensor
    """[B, T, K, 2] cells"""
    responsibility: Tensor
    """[B, T, K, h, w] probability that a cell shows the slot's object"""
    color: Tensor
    """[B, K, C]"""
    size: Tensor
    """[B, K] as a multiple of a typical object's width"""

    def take(self, slots: Tensor) -> "Tracks":
        """The tracks of some slots alone; slots, int [B, k]: their numbers."""
        return Tracks(*(take_slots(x, slots, axis) for x, axis in zip(self, (2, 2, 1, 1), strict=True)))


def evidence(frames: Tensor, background: Tensor, params: EvidenceParams = DISCOVERY.evidence) -> Tensor:
    """How surely a pixel is not background: clamp(slope (|x - bg| - noise), 0, 1) with the largest channel difference.

    frames [B, T, C, H, W] and background, broadcastable to it -> [B, T, H, W].
    """
    return (params.slope * ((frames - background).abs().amax(2) - params.noise)).clamp(0, 1)


def look_coarsely(
    frames: Tensor, background: Tensor, object_px: float, params: EvidenceParams = DISCOVERY.evidence,
) -> Cells:
    """A clip on the discovery grid: frames [B, T, C, H, W] before background [B, 1 or T, C, H, W]. An object of
    `object_px` is `grid_cells` wide there; the grid is never finer than the pixels."""
    H, W = frames.shape[-2:]
    h, w = (min(side, max(1, round(params.grid_cells * side / object_px))) for side in (H, W))

    by_row, by_column = _means(h, H, frames.device), _means(w, W, frames.device)

    def pool(x: Tensor) -> Tensor:
        if (h, w) == (H, W):
            return x
        rows = torch.cat([means @ x[..., px, :] for means, px in by_row], -2)
        return torch.cat([rows[..., px] @ means.T for means, px in by_column], -1)

    difference = (frames - background).abs().amax(2, keepdim=True) + 1e-3
    small, small_background = pool(frames), pool(background)
    color = pool(difference * frames) / pool(difference)
    moving, cell_px = evidence(small, small_background, params), frames.new_tensor([W / w, H / h])
    return Cells(small, small_background, color, moving, cell_px, object_px / math.sqrt(W / w * H / h))


def _means(cells: int, side: int, device: torch.device) -> list[tuple[Tensor, slice]]:
    """Matrices [n, m] that take a line of `side` px to the means of CELLS_AT_ONCE of its cells each, and the px that
    each of them reads. A matrix for all cells, of which most is zero, would be more work; so would adaptive_avg_pool2d
    of the frames themselves."""
    whole = F.adaptive_avg_pool2d(torch.eye(side, device=device)[None], (cells, side))[0]
    found = []
    for first in range(0, cells, CELLS_AT_ONCE):
        last = min(first + CELLS_AT_ONCE, cells)
        px = slice(first * side // cells, math.ceil(last * side / cells))
        found.append((whole[first:last, px], px))
    return found


def find_tracks(
    cells: Cells, num_slots: int, hint: Tensor | None = None, params: TrackingParams = DISCOVERY.tracking,
    extent_params: ExtentParams = DISCOVERY.extent,
) -> Tracks:
    """Tracks of up to `num_slots` objects; a slot without an object tracks noise and is pruned by the caller.

    hint [B, K, C] (NaN where unknown): colours found in an earlier round, which keep a path from changing over to
    another object where two cross.
    """
    width, unexplained = cells.object_cells, cells.moving
    squares, step = squared(cells.color, 2), max(1, round(params.path_cell * width))
    by_row, by_column = (
        _blurred_means(side, params.blur * width, step, unexplained) for side in unexplained.shape[-2:])
    hinted = [False] * num_slots if hint is None else (~hint.isnan()).any(2).any(0).tolist()
    tracks, sizes = [], []
    for slot in range(num_slots):
        score = unexplained
        if hint is not None and hinted[slot]:
            score = score * _likeness(cells.color, squares, hint[:, slot], params)
        centre = _find_path(by_row @ score @ by_column.T, step, width, params)
        for _ in range(params.num_shifts):
            centre = _shifted(centre, score, params.search_sigma * width)
        size, middle = extent(unexplained, centre, width, extent_params)
        tracks.append(centre + middle[:, None])
        sizes.append(size)
        radius = params.explained * width * size[:, None, None, None]
        near = _distance(tracks[-1], score).div_(2 * radius**2).square_().clamp_(max=FAR)
        unexplained = near.neg_().exp_().neg_().add_(1).mul_(unexplained)
    return _joint_em(cells, torch.stack(tracks, 2), torch.stack(sizes, 1), params)


def _likeness(shown: Tensor, squares: Tensor, hint: Tensor, params: TrackingParams) -> Tensor:
    """The share [B, T, h, w] of its score that evidence of colour `shown` [B, T, C, h, w] keeps, squares [B, T, h, w]
    of which, summed over channels, are given; hint [B, C], NaN where unknown."""
    distance = squares + hint.square().sum(1)[:, None, None, None]
    for channel, plane in zip(hint.unbind(1), shown.unbind(2), strict=True):
        distance.addcmul_(plane, channel[:, None, None, None], value=-2)
    likeness = params.unlike + distance.div_(-2 * params.hint_sigma**2).exp_()
    return likeness.nan_to_num_(nan=1.0)


def _offsets(centre: Tensor, image: Tensor) -> tuple[Tensor, Tensor]:
    """Squared distances [..., w] and [..., h] of the columns and rows of image [..., h, w] from centre [..., 2]."""
    h, w = image.shape[-2:]
    x, y = (torch.arange(side, device=image.device) + 0.5 for side in (w, h))
    return (x - centre[..., :1]).square(), (y - centre[..., 1:]).square()


def _distance(centre: Tensor, image: Tensor) -> Tensor:
    """Squared distance [..., h, w] of every cell from centre [..., 2]."""
    along_x, along_y = _offsets(centre, image)
    return along_y[..., :, None] + along_x[..., None, :]


def _bell(centre: Tensor, image: Tensor, sigma: float | Tensor) -> Tensor:
    """exp(-distance^2 / (2 sigma^2)) [..., h, w] of every cell from centre [..., 2], the product of one factor per
    axis."""
    along_x, along_y = (torch.exp(-offset / (2 * sigma**2)) for offset in _offsets(centre, image))
    return along_y[..., :, None] * along_x[..., None, :]


def _shifted(centre: Tensor, score: Tensor, sigma: float) -> Tensor:
    """The centre of mass (x, y) [B, T, 2] of what score [B, T, h, w] shows in a bell around centre [B, T, 2]; where it
    shows nothing, the frame's middle."""
    h, w = score.shape[-2:]
    x, y = (torch.arange(side, device=score.device) + 0.5 for side in (w, h))
    along_x, along_y = (torch.exp(-offset / (2 * sigma**2)) for offset in _offsets(centre, score))
    rows = torch.stack([along_y, along_y * y], -2) @ score  # first, since score is read row by row
    moments = rows @ torch.stack([along_x, along_x * x], -1)  # [[1, x], [y, xy]]
    none = 1e-6 * h * w
    mass = moments[..., 0, 0] + none
    return torch.stack([moments[..., 0, 1] + none * w / 2, moments[..., 1, 0] + none * h / 2], -1) / mass[..., None]


def _mean_place(weight: Tensor) -> Tensor:
    """The centre of mass (x, y) [..., 2] of weight [..., h, w]."""
    h, w = weight.shape[-2:]
    x, y = (torch.arange(side, device=weight.device) + 0.5 for side in (w, h))
    columns, rows = weight.sum(-2), weight.sum(-1)
    return torch.stack([columns @ x, rows @ y], -1) / rows.sum(-1, keepdim=True)


def _blurred_means(side: int, sigma: float, step: int, like: Tensor) -> Tensor:
    """Matrix [n, side] that takes a line of cells to the means of its Gaussian blur over spans of `step` cells."""
    places, radius = torch.arange(side, device=like.device), int(3 * sigma)
    total = torch.exp(-torch.arange(-radius, radius + 1, device=like.device).square() / (2 * sigma**2)).sum()
    offset = places[:, None] - places
    blur = torch.exp(-offset.square() / (2 * sigma**2)) * (offset.abs() <= radius) / total
    return F.avg_pool2d(blur[None], (step, 1), ceil_mode=True)[0]


def _find_path(score: Tensor, step: int, width: float, params: TrackingParams) -> Tensor:
    """The path [B, T, 2] (cells) with the greatest sum of scores, less what squared moves cost, by dynamic programming
    (Viterbi); score [B, T, h, w] on a grid of every `step` cells; width: of an object, cells."""
    reach = math.ceil(params.max_speed * width / step)
    score = F.pad(score, (reach,) * 4, value=-1e4)  # where no path goes; so every state has neighbours on all sides
    size, side = score.shape[-2:], 2 * reach + 1
    moves = torch.arange(side, device=score.device) - reach
    price = params.speed_cost * (step / width) ** 2 * moves.square()
    all_moves, all_prices = ((x[:, None] * scale + x).flatten() for x, scale in ((moves, size[1]), (price, 1)))
    price = price[:, None, None, None]

    def arrive(total: Tensor, _: int) -> Tensor:
        # the best of all moves is the best over y of the best over x: squared moves add up; moves come first, in memory
        # too, since a maximum over neighbouring numbers is slow
        best = total.unflatten(1, size)
        for axis in (2, 1):
            best = (best.unfold(axis, side, 1).movedim(3, 0).contiguous() - price).amax(0)
        return F.pad(best, (reach,) * 4, value=-1e4).flatten(1)

    def origin(total: Tensor, state: Tensor, _: int) -> Tensor:
        around = state + all_moves
        return around.gather(1, (total.gather(1, around) - all_prices).argmax(1, keepdim=True))

    path = best_path(score.flatten(2), arrive, origin)
    return (torch.stack([path % size[1], path // size[1]], -1) - reach) * step + step / 2


def _joint_em(cells: Cells, centre: Tensor, size: Tensor, params: TrackingParams) -> Tracks:
    """Refines all tracks [B, T, K, 2] of objects of size [B, K] together, by expectation-maximisation. A cell is of one
    of these classes: each object (normal in place and colour), background (normal in colour), outlier (uniform in
    colour)."""
    shown, moving, C, width = cells.color, cells.moving, cells.color.shape[2], cells.object_cells
    h, w = moving.shape[-2:]
    variance, background_variance = params.color_sigma**2, params.background_sigma**2
    difference = cells.frames - cells.background
    background = -squared(difference, 2) / (2 * background_variance) - C * math.log(params.background_sigma)
    outlier = torch.full_like(background, C * math.log(math.sqrt(2 * math.pi)) + params.outlier)
    scale = width * size[:, None, :, None]
    inner = _bell(centre, moving, params.color_radius * scale).mul_(moving[:, :, None]).add_(1e-6)
    color = torch.einsum("btkhw,btchw->bkc", inner, shown) / inner.sum((1, 3, 4))[..., None]
    # Log-likelihoods of colour x under an object of colour c hold -|x - c|^2 / (2 variance). It is expanded, so that no
    # [B, T, K, C, h, w] tensor is needed: x^2 goes with background and outlier here, c^2 and x c are added below.
    no_object = torch.logaddexp(background, outlier) + squared(shown, 2) / (2 * variance)
    is_grey = (cells.frames.amax(2) - cells.frames.amin(2)).flatten(1).amax(1) < params.grey
    sigma = scale * torch.where(is_grey, params.grey_position_sigma, params.position_sigma)[:, None, None, None]
    radius = params.reach * float(sigma.max())  # before the loop, since this waits for a GPU
    told = torch.cat([shown, no_object[:, :, None]], 2)
    for _ in range(params.num_rounds):
        near = windows.around(centre, radius, h, w)
        centre_in_window = centre - near.corner
        *planes, unlike = near.crop(told).unbind(3)
        of_color = color.square().sum(-1) / (2 * variance) + C * math.log(params.color_sigma)
        log_odds = -of_color[:, None, :, None, None] - unlike  # of each object against no object, by colour
        for channel, plane in zip(color.unbind(-1), planes, strict=True):
            log_odds.addcmul_(plane, channel[:, None, :, None, None], value=1 / variance)
        odds = log_odds.exp_().mul_(_bell(centre_in_window, log_odds, sigma))
        responsibility = odds.div_(near.crop(near.total(odds[:, :, :, None]).add_(1))[:, :, :, 0])
        weight = _bell(centre_in_window, log_odds, params.search_sigma * width).mul_(1e-6).add_(responsibility)
        mass = weight.sum((3, 4))
        centre = _smooth(_mean_place(weight) + near.corner, mass, params.neighbour_share)
        color = torch.stack([(weight * plane).sum((1, 3, 4)) for plane in planes], -1) / mass.sum(1)[..., None]
    return Tracks(centre, near.lay(responsibility), color, size)


def _smooth(centre: Tensor, mass: Tensor, share: float) -> Tensor:
    """Tracks [B, T, K, 2] smoothed over time: each neighbouring frame counts by `share`, and every frame by its mass
    [B, T, K], so that frames with little of it follow the others."""
    weight = (mass + 1e-3)[..., None]

    def spread(x: Tensor) -> Tensor:
        before = torch.cat([x[:, :1], x[:, :-1]], 1)
        after = torch.cat([x[:, 1:], x[:, -1:]], 1)
        return share * before + (1 - 2 * share) * x + share * after

    return spread(weight * centre) / spread(weight)
