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
from pipeline.autoencoder.tracking import Cells, Tracks
from pipeline.latents import pose

PICTURE_DIM, PICTURE_STEP = 8, 1.5
"""Side of a picture, in samples, and cells from one to the next: soft enough for tracks that are off by a cell."""
MEETING = 8.0
"""Two objects whose tracks come closer than this, cells, can be confused."""
MEMORY = 3.0
"""Frames (a decay) from which a course is taken before and after a meeting."""
COURSE_SIGMA = 3.0
"""How far objects stray from their course over a meeting, cells."""
NOISE_SHARE = 0.02
"""Share of the pictures' energy that a difference must exceed: tracks are off by part of a cell."""
RARE = 2.0
"""Odds against an exchange before frames are looked at, natural logarithm."""
MAX_ODDS = 4.0
"""One frame's picture says no more than this, natural logarithm of odds."""


def keep_identities(tracks: Tracks, presence: Tensor, cells: Cells) -> Tracks:
    """The same tracks, exchanged pairwise from frame to frame where that makes them steadier in course and picture;
    presence [B, K]: of slots that hold an object."""
    pictures = _pictures(tracks, cells)
    mass = (tracks.responsibility * cells.moving[:, :, None]).sum((3, 4))
    shows = (2 * mass / mass.amax(1, keepdim=True).clamp(min=1.0)).clamp(max=1)
    centre, responsibility = tracks.centre.clone(), tracks.responsibility
    K = centre.shape[2]
    slots = torch.arange(K, device=centre.device).expand(centre.shape[:3]).clone()
    for i in range(K):
        for j in range(i + 1, K):
            place = centre[:, :, i] - centre[:, :, j]
            distance = place.norm(dim=-1)
            # slots that never part show one object between them, and there is nothing to tell apart
            part = distance.quantile(0.9, dim=1) > MEETING
            meet = (distance.amin(1) < MEETING) & part & (presence[:, i] * presence[:, j] > 0)
            if not meet.any():
                continue
            # how much a frame has to say: nothing of an object that is hidden, little where both are one blob
            apart = shows[:, :, i] * shows[:, :, j] * (1 - torch.exp(-(distance / MEETING).square()))
            odds = _same_picture(pictures[:, :, i], pictures[:, :, j], apart)
            exchanged = _exchanged(odds, _same_course(place, apart)) & meet[:, None]
            for x in (centre, pictures, shows, slots):
                _exchange(x, i, j, exchanged)
    index = slots[..., None, None].expand_as(responsibility)
    return Tracks(centre, responsibility.gather(2, index), tracks.color)


def _exchange(x: Tensor, i: int, j: int, exchanged: Tensor) -> None:
    """Slots i and j of x [B, T, K, ...] in the frames `exchanged` [B, T], in place."""
    where = exchanged.view(*exchanged.shape, *[1] * (x.dim() - 3))
    first, second = torch.where(where, x[:, :, j], x[:, :, i]), torch.where(where, x[:, :, i], x[:, :, j])
    x[:, :, i], x[:, :, j] = first, second


def _pictures(tracks: Tracks, cells: Cells) -> Tensor:
    """What each slot shows in each frame, along its track: its own evidence, and that times colour, [B, T, K, D]."""
    layers = torch.cat([torch.ones_like(cells.moving)[:, :, None], cells.color], 2)
    own = (tracks.responsibility * cells.moving[:, :, None])[:, :, :, None] * layers[:, :, None]
    matrix = pose.matrix(tracks.centre, torch.full_like(tracks.centre[..., 0], PICTURE_STEP))
    pictures = spatial_transform.cut(own.flatten(0, 2), matrix.flatten(0, 2)[:, None], PICTURE_DIM)
    return pictures.flatten(1).unflatten(0, own.shape[:3])


def _same_picture(first: Tensor, second: Tensor, apart: Tensor) -> Tensor:
    """Log-odds [B, T] that a frame shows a pair as most frames do (in unknown sign), from the two pictures
    [B, T, D]: the place of their difference along its leading principal component, in units of what lies beside it."""
    difference = (first - second) * apart[..., None]
    values, vectors = torch.linalg.eigh(difference @ difference.transpose(1, 2))
    # of twins no component leads: only what the first one has before the second is a difference, not noise
    lead, rest = values[:, -1:] - values[:, -2:-1], values[:, :-1].clamp(min=0).sum(1, keepdim=True)
    rest = rest + NOISE_SHARE * (apart.square() * (first.square() + second.square()).sum(-1)).sum(1, keepdim=True)
    odds = 2 * vectors[:, :, -1] * difference.shape[1] ** 0.5 * lead / (rest + 1e-6)
    return odds.clamp(-MAX_ODDS, MAX_ODDS)


def _same_course(place: Tensor, apart: Tensor) -> Tensor:
    """Log-odds [B, T - 1] that a pair goes on as it is from each frame to the next rather than exchanged, from the
    difference `place` [B, T, 2] of their places: do the lines through the frames before and after meet?"""
    T = place.shape[1]
    times = torch.arange(T, device=place.device, dtype=place.dtype)
    since = times[:-1, None] + 0.5 - times
    def line(forward: int) -> tuple[Tensor, Tensor, Tensor]:
        age = forward * since
        weight = torch.exp(-age.clamp(min=0) / MEMORY) * (age > 0) * (apart[:, None] + 1e-3)
        total = weight.sum(-1, keepdim=True)
        middle = -(weight * since).sum(-1, keepdim=True) / total
        spread = (weight * (-since - middle).square()).sum(-1, keepdim=True)
        slope = ((weight * (-since - middle)) @ place) / (spread + 0.5 * total)
        return weight @ place / total - slope * middle, slope, total[..., 0]
    (end, slope, before), (start, later_slope, after) = line(1), line(-1)
    agreement = (end * start).sum(-1) + MEMORY**2 * (slope * later_slope).sum(-1)
    known = torch.minimum(before, after).clamp(max=1)
    odds = 2 * known * agreement / COURSE_SIGMA**2
    # the frames of one meeting all say the same: only the one that says it loudest is heard, or they would count again
    around = int(MEMORY)
    lowest = -F.max_pool1d(-odds[:, None], 2 * around + 1, stride=1, padding=around)[:, 0]
    return torch.where(odds == lowest, odds, odds.clamp(min=0)) + RARE


def _exchanged(odds: Tensor, going_on: Tensor) -> Tensor:
    """The likeliest frames [B, T] in which a pair is exchanged; in most it is not."""
    state = torch.arange(2, device=odds.device)

    def arrive(total: Tensor, t: int) -> tuple[Tensor, Tensor]:
        stay = going_on[:, t - 1, None] / 2
        kept, changed = total + stay, total.flip(-1) - stay
        return torch.maximum(kept, changed), torch.where(changed > kept, 1 - state, state)

    exchanged = best_path(torch.stack([odds, -odds], -1) / 2, arrive).bool()
    return exchanged ^ (exchanged.float().mean(1, keepdim=True) > 0.5)
