"""How large is what a track follows: all that goes along with it, side by side.

As seen from a track, what moves along with it shows at the same place in every frame, and what it passes by only in
some. So the mean over the clip of the evidence, seen from the track, is the shape of the object, whatever its size.

Legend: B clips, T frames, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY, ExtentParams


def extent(
    moving: Tensor, centre: Tensor, width: float, params: ExtentParams = DISCOVERY.extent,
) -> tuple[Tensor, Tensor]:
    """The size [B] of what each track centre [B, T, 2] follows, as a multiple of `width`, and the offset [B, 2], cells,
    from the track to the middle of that; moving [B, T, h, w]: evidence; width: that of a typical object, cells.

    Size and offset are 1 and 0 where the object is not much larger than typical. So they are where it moves too little
    to leave behind what rests beside it, which would seem to belong to it.
    """
    reach = round(params.reach * width)
    around, inside = (_around(image, centre, reach) for image in (moving, torch.ones_like(moving)))
    near = round(params.core * width)
    core = slice(reach - near, reach + near + 1)
    shows = around[..., core, core].mean((2, 3))[..., None, None]  # how surely a frame shows the object at all
    seen = (shows * inside).sum(1)
    along = (shows * around).sum(1) / seen.clamp(min=1e-6)
    solid = ((along > params.solid) & (seen > params.min_frames)).float()
    region = torch.zeros_like(solid)
    region[:, core, core] = solid[:, core, core]
    for _ in range(reach):
        region = F.max_pool2d(region[:, None], 3, stride=1, padding=1)[:, 0] * solid
    places = torch.arange(-reach, reach + 1, device=moving.device, dtype=moving.dtype)
    sides, middles = zip(*(_side(region.amax(axis), places) for axis in (1, 2)), strict=True)
    size = (sides[0] * sides[1]).sqrt() / width
    spread = centre.quantile(1 - params.tail, dim=1) - centre.quantile(params.tail, dim=1)
    large = (size > params.large) & (spread.amax(-1) > params.travel * size * width)
    return torch.where(large, size, 1.0), torch.where(large[:, None], torch.stack(middles, -1), 0.0)


def _around(image: Tensor, centre: Tensor, reach: int) -> Tensor:
    """What image [B, T, h, w] shows up to `reach` cells from centre [B, T, 2], zero outside: [B, T, side, side]."""
    h, w = image.shape[-2:]
    padded = F.pad(image, (reach,) * 4)
    offsets = torch.arange(2 * reach + 1, device=image.device)
    x, y = centre.floor().long().unbind(-1)
    rows = (y.clamp(0, h - 1)[..., None] + offsets)[..., :, None]
    columns = (x.clamp(0, w - 1)[..., None] + offsets)[..., None, :]
    places = (rows * padded.shape[-1] + columns).flatten(2)
    return padded.flatten(2).gather(2, places).unflatten(2, (2 * reach + 1, 2 * reach + 1))


def _side(profile: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
    """Length [B] and middle [B] of the span of places [n] at which profile [B, n], 0 or 1, is 1; 0 where it never
    is."""
    far = places.abs().max() + 1
    first = torch.where(profile > 0, places, far).amin(1)
    last = torch.where(profile > 0, places, -far).amax(1)
    length = (last - first + 1).clamp(min=0)
    return length, torch.where(length > 0, (first + last) / 2, 0)
