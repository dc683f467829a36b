"""Which tracks lead anywhere, which of them are objects, and what they cover.

Legend: B clips, T frames, K slots, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
from torch import Tensor

from pipeline.autoencoder.tracking import Tracks
from pipeline.latents import camera_code

BUSY = 0.6
"""An object's evidence is judged by this quantile over the frames: it may hide or rest in most of them."""


def boxes(tracks: Tracks, moving: Tensor, roams: Tensor) -> Tensor:
    """Soft boxes [B, T, h, w] around whatever moves: they also cover an object's inside, which may look like
    background yet. roams [B, K]: which tracks lead anywhere."""
    h, w = moving.shape[-2:]
    y, x = torch.arange(h, device=moving.device) + 0.5, torch.arange(w, device=moving.device) + 0.5
    weight = tracks.responsibility * moving[:, :, None] + 1e-6
    mass = weight.sum((3, 4))
    def reach(profile: Tensor, places: Tensor, centre: Tensor) -> Tensor:
        variance = (profile * (places - centre[..., None]).square()).sum(-1) / mass
        radius = (1.9 * variance.mean(1, keepdim=True).sqrt() + 1.0).clamp(2.5, 8.0)
        return torch.sigmoid(3 * (radius[..., None] - (places - centre[..., None]).abs()))
    centre_x, centre_y = tracks.centre.unbind(-1)
    inside_x, inside_y = reach(weight.sum(3), x, centre_x), reach(weight.sum(4), y, centre_y)
    # what rests is not boxed: it may be the hole that an object left in the background where it stood for long
    there = ((mass.quantile(BUSY, dim=1) > 1.0) & roams).float()[:, None, :, None, None]
    return (there * inside_y[..., :, None] * inside_x[..., None, :]).amax(2)


def prune(tracks: Tracks, moving: Tensor, roams: Tensor) -> Tensor:
    """Presence [B, K] (0 or 1): drops slots with too little evidence, at rest (not `roams` [B, K]), or a part or a
    double of a bigger one."""
    mass = (tracks.responsibility * moving[:, :, None]).sum((3, 4))
    bulk = mass.quantile(BUSY, dim=1)
    presence = (bulk > 2.0) & roams
    slots = range(bulk.shape[1])
    for k in slots:
        for other in slots:
            if other != k:
                apart = tracks.centre[:, :, k] - tracks.centre[:, :, other]
                distance = apart.square().sum(-1).sqrt().median(1).values
                rigid = apart.std(1).amax(-1) < 0.5
                double = (distance < 2.0) | (rigid & (distance < 7.0))
                presence[:, k] &= ~(double & presence[:, other] & (bulk[:, k] < bulk[:, other]))
    return presence.float()


def moves(tracks: Tracks, camera: Tensor, cell_px: Tensor) -> Tensor:
    """[B, K] whether a track leads anywhere over the background, whose motion is that of camera [B, T, CAMERA];
    cell_px [2]: px per cell in x and y."""
    h, w = tracks.responsibility.shape[-2:]
    camera = camera[:, :, None]
    middle = tracks.centre.new_tensor([w, h]) / 2
    zoomed = (tracks.centre - middle) * torch.exp(-camera_code.log_zoom(camera))[..., None]
    place = zoomed + middle + camera_code.place(camera) / cell_px
    spread = place.quantile(0.95, dim=1) - place.quantile(0.05, dim=1)
    return spread.amax(-1) > 0.75
