"""Which tracks lead somewhere, which of them are objects, and what they cover.

Legend: B clips, T frames, K slots, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY, PruningParams
from pipeline.autoencoder.tracking import Cells, Tracks
from pipeline.latents import camera_code


def boxes(tracks: Tracks, cells: Cells, counts: Tensor, params: PruningParams = DISCOVERY.pruning) -> Tensor:
    """Soft boxes [B, T, h, w] around whatever moves. They also cover the inside of an object, which may look like
    background so far. counts [B, K]: which tracks can be objects."""
    moving, width = cells.moving, cells.object_cells
    h, w = moving.shape[-2:]
    y, x = torch.arange(h, device=moving.device) + 0.5, torch.arange(w, device=moving.device) + 0.5
    weight = (tracks.responsibility * moving[:, :, None]).add_(1e-6)
    mass = weight.sum((3, 4))

    def inside(profile: Tensor, places: Tensor, centre: Tensor) -> Tensor:
        """How surely places [n] along one axis are within the box, [B, T, K, n]; profile [B, T, K, n]: evidence along
        that axis; centre [B, T, K] of the track."""
        offset = places - centre[..., None]
        variance = (profile * offset.square()).sum(-1) / mass
        radius = params.box_spread * variance.mean(1, keepdim=True).sqrt() + params.box_margin * width
        least, most = params.box_limits
        radius = torch.minimum(radius.clamp(min=least * width), most * width * tracks.size[:, None])
        return torch.sigmoid(params.box_edge / width * (radius[..., None] - offset.abs()))

    centre_x, centre_y = tracks.centre.unbind(-1)
    inside_x, inside_y = inside(weight.sum(3), x, centre_x), inside(weight.sum(4), y, centre_y)
    there = (mass.quantile(params.busy, dim=1) > params.min_boxed_area * width**2) & counts
    return (there.float()[:, None, :, None, None] * inside_y[..., :, None] * inside_x[..., None, :]).amax(2)


def prune(
    tracks: Tracks, cells: Cells, roams: Tensor, counts: Tensor, params: PruningParams = DISCOVERY.pruning,
) -> Tensor:
    """Which slots hold an object: presence [B, K], 0 or 1. Dropped are slots with too little evidence, slots that
    cannot be objects, and parts or doubles of a bigger object. counts [B, K]: which tracks can be objects; roams
    [B, K]: which lead somewhere, as two parts of one object do together."""
    width = cells.object_cells
    mass = (tracks.responsibility * cells.moving[:, :, None]).sum((3, 4))
    bulk = mass.quantile(params.busy, dim=1)
    presence = (bulk > params.min_area * width**2) & counts
    offset = tracks.centre[:, :, :, None] - tracks.centre[:, :, None]
    distance = offset.norm(dim=-1).median(1).values
    together = (offset.std(1).amax(-1) < params.rigid * width) & roams[..., None]
    is_double = distance < params.double_distance * width
    is_part = together & (distance < params.part_distance * width * tracks.size[:, None])
    larger = tracks.size[:, None] > tracks.size[..., None]
    is_inside = larger & (distance < tracks.size[:, None] / 2 * width)
    # [B, K, K] whether the slot of axis 1 belongs to that of axis 2
    belongs = (is_double | is_part | is_inside) & (bulk[..., None] < bulk[:, None])
    for k in range(bulk.shape[1]):
        presence[:, k] &= ~(belongs[:, k] & presence).any(1)
    return presence.float()


def before(certain: Tensor, tracks: Tracks, cells: Cells) -> Tensor:
    """Whether most of what a track shows lies before background that is known, bool [B, K]; certain [B, 1, H, W]: where
    it is known."""
    if not certain.any():
        return torch.zeros_like(tracks.size, dtype=torch.bool)
    weight = (tracks.responsibility * cells.moving[:, :, None]).sum(1)
    h, w = cells.moving.shape[-2:]
    known = F.adaptive_avg_pool2d(certain, (h, w))
    return (weight * known).sum((2, 3)) > 0.5 * weight.sum((2, 3)).clamp(min=1e-6)


def moves(tracks: Tracks, cells: Cells, camera: Tensor, params: PruningParams = DISCOVERY.pruning) -> Tensor:
    """Whether a track leads somewhere, bool [B, K], as seen from the background; camera [B, T, CAMERA] says how that
    moves in the frame."""
    h, w = tracks.responsibility.shape[-2:]
    camera = camera[:, :, None]
    middle = tracks.centre.new_tensor([w, h]) / 2
    zoomed = (tracks.centre - middle) * torch.exp(-camera_code.log_zoom(camera))[..., None]
    turned = camera_code.turned(zoomed, camera_code.roll(camera))  # cells are squares, but for a rounding
    place = turned + middle + camera_code.place(camera) / cells.cell_px
    spread = place.quantile(1 - params.travel_tail, dim=1) - place.quantile(params.travel_tail, dim=1)
    return spread.amax(-1) > params.min_travel * cells.object_cells
