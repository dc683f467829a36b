"""Who is who after two objects met: tracks that changed over to one another where they crossed are put right.

Where two objects of one colour overlap, evidence does not say which of them leaves to which side. Two things do: they
fly on as they came, and they look as they did before. Exchanging a pair in some frames changes the sign of the
difference of their places and of their pictures there, and nothing else; so the most likely exchanges are the signs,
one per frame, under which both differences are steadiest over time (a chain of two states, solved by dynamic
programming).

Legend: B clips, T frames, K slots, C channels, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.best_path import best_path
from pipeline.autoencoder.discovery_params import DISCOVERY, MeetingParams
from pipeline.autoencoder.tracking import Cells, Tracks
from pipeline.latents import pose


def keep_identities(
    tracks: Tracks, presence: Tensor, cells: Cells, params: MeetingParams = DISCOVERY.meetings,
) -> Tracks:
    """The same tracks, exchanged pairwise from frame to frame where that makes them steadier in course and picture;
    presence [B, K]: of slots that hold an object."""
    pictures, meeting = _pictures(tracks, cells, params), params.distance * cells.object_cells
    mass = (tracks.responsibility * cells.moving[:, :, None]).sum((3, 4))
    most = mass.amax(1, keepdim=True).clamp(min=params.min_area * cells.object_cells**2)
    shows = (mass / most / params.shown).clamp(max=1)
    centre, responsibility = tracks.centre.clone(), tracks.responsibility
    K = centre.shape[2]
    slots = torch.arange(K, device=centre.device).expand(centre.shape[:3]).clone()
    for i in range(K):
        for j in range(i + 1, K):
            place = centre[:, :, i] - centre[:, :, j]
            distance = place.norm(dim=-1)
            # slots that never part show one object between them, and there is nothing to tell apart
            part = distance.quantile(params.parted, dim=1) > meeting
            meet = (distance.amin(1) < meeting) & part & (presence[:, i] * presence[:, j] > 0)
            if not meet.any():
                continue
            # how much a frame has to say: nothing of an object that is hidden, little where both are one blob
            apart = shows[:, :, i] * shows[:, :, j] * (1 - torch.exp(-(distance / meeting).square()))
            odds = _same_picture(pictures[:, :, i], pictures[:, :, j], apart, params)
            going_on = _same_course(place / cells.object_cells, apart, params)
            exchanged = _exchanged(odds, going_on) & meet[:, None]
            for x in (centre, pictures, shows, slots):
                _exchange(x, i, j, exchanged)
    index = slots[..., None, None].expand_as(responsibility)
    return Tracks(centre, responsibility.gather(2, index), tracks.color)


def _exchange(x: Tensor, i: int, j: int, exchanged: Tensor) -> None:
    """Slots i and j of x [B, T, K, ...] in the frames `exchanged` [B, T], in place."""
    where = exchanged.view(*exchanged.shape, *[1] * (x.dim() - 3))
    first, second = torch.where(where, x[:, :, j], x[:, :, i]), torch.where(where, x[:, :, i], x[:, :, j])
    x[:, :, i], x[:, :, j] = first, second


def _pictures(tracks: Tracks, cells: Cells, params: MeetingParams) -> Tensor:
    """What each slot shows in each frame, along its track: its own evidence, and that times colour, [B, T, K, D]."""
    layers = torch.cat([torch.ones_like(cells.moving)[:, :, None], cells.color], 2)
    own = (tracks.responsibility * cells.moving[:, :, None])[:, :, :, None] * layers[:, :, None]
    step = params.picture_step * cells.object_cells
    matrix = pose.matrix(tracks.centre, torch.full_like(tracks.centre[..., 0], step))
    pictures = spatial_transform.cut(own.flatten(0, 2), matrix.flatten(0, 2)[:, None], params.picture_dim)
    return pictures.flatten(1).unflatten(0, own.shape[:3])


def _same_picture(first: Tensor, second: Tensor, apart: Tensor, params: MeetingParams) -> Tensor:
    """Log-odds [B, T] that a frame shows a pair as most frames do (in unknown sign), from the two pictures
    [B, T, D]: the place of their difference along its leading principal component, in units of what lies beside it."""
    difference = (first - second) * apart[..., None]
    values, vectors = torch.linalg.eigh(difference @ difference.transpose(1, 2))
    # of twins no component leads: only what the first one has before the second is a difference, not noise
    lead, rest = values[:, -1:] - values[:, -2:-1], values[:, :-1].clamp(min=0).sum(1, keepdim=True)
    energy = (apart.square() * (first.square() + second.square()).sum(-1)).sum(1, keepdim=True)
    rest = rest + params.noise_share * energy
    odds = 2 * vectors[:, :, -1] * difference.shape[1] ** 0.5 * lead / (rest + 1e-6)
    return odds.clamp(-params.max_odds, params.max_odds)


def _same_course(place: Tensor, apart: Tensor, params: MeetingParams) -> Tensor:
    """Log-odds [B, T - 1] that a pair goes on as it is from each frame to the next rather than exchanged, from the
    difference `place` [B, T, 2] of their places, widths: do the lines through the frames before and after meet?"""
    T = place.shape[1]
    times = torch.arange(T, device=place.device, dtype=place.dtype)
    since = times[:-1, None] + 0.5 - times
    def line(forward: int) -> tuple[Tensor, Tensor, Tensor]:
        age = forward * since
        weight = torch.exp(-age.clamp(min=0) / params.memory) * (age > 0) * (apart[:, None] + 1e-3)
        total = weight.sum(-1, keepdim=True)
        middle = -(weight * since).sum(-1, keepdim=True) / total
        spread = (weight * (-since - middle).square()).sum(-1, keepdim=True)
        slope = ((weight * (-since - middle)) @ place) / (spread + params.slope_ridge * total)
        return weight @ place / total - slope * middle, slope, total[..., 0]
    (end, slope, before), (start, later_slope, after) = line(1), line(-1)
    agreement = (end * start).sum(-1) + params.memory**2 * (slope * later_slope).sum(-1)
    known = torch.minimum(before, after).clamp(max=1)
    odds = 2 * known * agreement / params.course_sigma**2
    # the frames of one meeting all say the same: only the one that says it loudest is heard, or they would count again
    around = int(params.memory)
    lowest = -F.max_pool1d(-odds[:, None], 2 * around + 1, stride=1, padding=around)[:, 0]
    return torch.where(odds == lowest, odds, odds.clamp(min=0)) + params.rare


def _exchanged(odds: Tensor, going_on: Tensor) -> Tensor:
    """The likeliest frames [B, T] in which a pair is exchanged; in most it is not."""
    state = torch.arange(2, device=odds.device)

    def arrive(total: Tensor, t: int) -> tuple[Tensor, Tensor]:
        stay = going_on[:, t - 1, None] / 2
        kept, changed = total + stay, total.flip(-1) - stay
        return torch.maximum(kept, changed), torch.where(changed > kept, 1 - state, state)

    exchanged = best_path(torch.stack([odds, -odds], -1) / 2, arrive).bool()
    return exchanged ^ (exchanged.float().mean(1, keepdim=True) > 0.5)
