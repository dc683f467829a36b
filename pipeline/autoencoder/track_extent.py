"""How large is what a track follows: all that goes along with it, side by side.

As seen from a track, what moves along with it shows at the same place in every frame, and what it passes by only in
some. So the mean over the clip of the evidence, seen from the track, is the shape of the object, whatever its size.

Legend: B clips, T frames, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY, ExtentParams
from pipeline.autoencoder.windows import pieces


def extent(
    moving: Tensor, centre: Tensor, width: float, params: ExtentParams = DISCOVERY.extent,
) -> tuple[Tensor, Tensor]:
    """The size [B] of what each track centre [B, T, 2] follows, as a multiple of `width`, and the offset [B, 2], cells,
    from the track to the middle of that; moving [B, T, h, w]: evidence; width: that of a typical object, cells.

    Size and offset are 1 and 0 where the object is not much larger than typical. So they are where it moves too little
    to leave behind what rests beside it, which would seem to belong to it.
    """
    reach = round(params.reach * width)
    around, inside = _around(moving, centre, reach)
    near = round(params.core * width)
    core = slice(reach - near, reach + near + 1)
    shows = around[..., core, core].mean((2, 3))[..., None, None]  # how surely a frame shows the object at all
    seen = (shows * inside).sum(1)
    along = (shows * around).sum(1) / seen.clamp(min=1e-6)
    solid = ((along > params.solid) & (seen > params.min_frames)).float()
    region = torch.zeros_like(solid)
    region[:, core, core] = solid[:, core, core]
    for _ in range(reach):
        region = torch.max_pool2d(region, 3, 1, 1) * solid
    places = torch.arange(-reach, reach + 1, device=moving.device, dtype=moving.dtype)
    sides, middles = zip(*(_side(region.amax(axis), places) for axis in (1, 2)), strict=True)
    size = (sides[0] * sides[1]).sqrt() / width
    first, last = centre.quantile(centre.new_tensor([params.tail, 1 - params.tail]), dim=1)
    spread = last - first
    large = (size > params.large) & (spread.amax(-1) > params.travel * size * width)
    return torch.where(large, size, 1.0), torch.where(large[:, None], torch.stack(middles, -1), 0.0)


def _around(image: Tensor, centre: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """What image [B, T, h, w] shows up to `reach` cells from centre [B, T, 2], zero outside, and where it is inside, 1
    or 0: [B, T, side, side] each."""
    B, T, h, w = image.shape
    side = 2 * reach + 1
    column, row = (place.floor().long().clamp(0, n - 1) for place, n in zip(centre.unbind(-1), (w, h), strict=True))
    padded, which = F.pad(image, (reach,) * 4).flatten(0, 1), torch.arange(B * T, device=image.device).view(B, T)
    around = pieces(padded, which, torch.stack([column, row], -1), (side, side))
    inside_x, inside_y = (
        F.pad(image.new_ones(n), (reach, reach)).unfold(0, side, 1)[place] for n, place in ((w, column), (h, row)))
    return around, inside_y[..., :, None] * inside_x[..., None, :]


def _side(profile: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Length [B] and middle [B] of the span of places [n] at which profile [B, n], 0 or 1, is 1; 0 where it never
    is."""
    far = places.abs().max() + 1
    first = torch.where(profile > 0, places, far).amin(1)
    last = torch.where(profile > 0, places, -far).amax(1)
    length = (last - first + 1).clamp(min=0)
    return length, torch.where(length > 0, (first + last) / 2, 0)
