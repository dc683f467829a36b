"""Who is who after two objects met: tracks that changed over to each other where they crossed are put right.

Where two objects of one colour overlap, evidence does not say which of them leaves to which side. Two things do: they
fly on as they came, and they look as they did before. To exchange a pair in some frames changes the sign of two
differences there, that of their places and that of their pictures, and nothing else. So the likeliest exchanges are the
signs, one per frame, that make both differences steadiest over time: a chain of two states, solved by dynamic
programming.

Legend: B clips, T frames, K slots, C channels, h w the discovery grid. Positions are (x, y) in cells.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.best_path import best_path
from pipeline.autoencoder.discovery_params import DISCOVERY, MeetingParams
from pipeline.autoencoder.tracking import Cells, Tracks
from pipeline.autoencoder.windows import around_patches
from pipeline.latents import pose


def keep_identities(
    tracks: Tracks, presence: Tensor, cells: Cells, params: MeetingParams = DISCOVERY.meetings,
) -> Tracks:
    """The same tracks, with pairs exchanged in the frames where that makes them steadier in course and picture;
    presence [B, K]: which slots hold an object."""
    centre, responsibility, K = tracks.centre.clone(), tracks.responsibility, tracks.centre.shape[2]
    pictures, shows = _pictures(tracks, cells, params), _shows(tracks, cells, params)
    slot_before = torch.arange(K, device=centre.device).expand(centre.shape[:3]).clone()  # [B, T, K]
    meeting = params.distance * cells.object_cells
    for i in range(K):
        for j in range(i + 1, K):
            offset = centre[:, :, i] - centre[:, :, j]
            distance = offset.norm(dim=-1)
            both_there = presence[:, i] * presence[:, j] > 0
            # slots that never part show one object between them, and there is nothing to tell apart
            they_part = distance.quantile(params.parted, dim=1) > meeting
            they_meet = (distance.amin(1) < meeting) & they_part & both_there
            if not they_meet.any():
                continue
            # how much a frame has to say: nothing of an object that is hidden, little where both are one blob
            telling = shows[:, :, i] * shows[:, :, j] * (1 - torch.exp(-(distance / meeting).square()))
            same_picture = _same_picture(pictures[:, :, i], pictures[:, :, j], telling, params)
            same_course = _same_course(offset / cells.object_cells, telling, params)
            exchanged = _exchanged(same_picture, same_course) & they_meet[:, None]
            for x in (centre, pictures, shows, slot_before):
                _exchange(x, i, j, exchanged)
    first = torch.arange(slot_before[..., 0].numel(), device=centre.device).view(slot_before.shape[:2])[..., None] * K
    ordered = responsibility.flatten(0, 2).index_select(0, (first + slot_before).flatten())
    return tracks._replace(centre=centre, responsibility=ordered.view_as(responsibility))


def _exchange(x: Tensor, i: int, j: int, exchanged: Tensor) -> None:
    """Exchanges slots i and j of x [B, T, K, ...] in the frames `exchanged` [B, T], in place."""
    where = exchanged.view(*exchanged.shape, *[1] * (x.dim() - 3))
    first, second = torch.where(where, x[:, :, j], x[:, :, i]), torch.where(where, x[:, :, i], x[:, :, j])
    x[:, :, i], x[:, :, j] = first, second


def _shows(tracks: Tracks, cells: Cells, params: MeetingParams) -> Tensor:
    """How fully each slot's object shows, [B, T, K] in [0, 1]: its evidence, beside the most that it ever has."""
    mass = (tracks.responsibility * cells.moving[:, :, None]).sum((3, 4))
    most = mass.amax(1, keepdim=True).clamp(min=params.min_area * cells.object_cells**2)
    return (mass / most / params.shown).clamp(max=1)


def _pictures(tracks: Tracks, cells: Cells, params: MeetingParams) -> Tensor:
    """What each slot shows in each frame, cut out along its track: its own evidence, and that times colour,
    [B, T, K, D]."""
    layers = torch.cat([torch.ones_like(cells.moving)[:, :, None], cells.color], 2)
    step = params.picture_step * cells.object_cells
    matrix = pose.matrix(tracks.centre, torch.full_like(tracks.centre[..., 0], step))
    windows = around_patches(matrix, params.picture_dim, *cells.moving.shape[-2:])
    own = windows.crop_own(tracks.responsibility * cells.moving[:, :, None])[:, :, :, None] * windows.crop(layers)
    pictures = spatial_transform.cut(
        own.flatten(0, 2), windows.within(matrix).flatten(0, 2)[:, None], params.picture_dim)
    return pictures.flatten(1).unflatten(0, own.shape[:3])


def _same_picture(first: Tensor, second: Tensor, telling: Tensor, params: MeetingParams) -> Tensor:
    """Log-odds [B, T] that a frame shows a pair one way round rather than the other; which of the two is right is not
    known here. They say where the difference of the two pictures, first and second [B, T, D], lies along its leading
    principal component, in units of what lies beside that. telling [B, T]: how much each frame has to say."""
    difference = (first - second) * telling[..., None]
    energies, directions = torch.linalg.eigh(difference @ difference.transpose(1, 2))  # [B, T] rising; [B, T, T]
    # of twins no component leads: only what the first one has before the second is a difference, not noise
    lead = energies[:, -1:] - energies[:, -2:-1]
    energy_of_pictures = (telling.square() * (first.square() + second.square()).sum(-1)).sum(1, keepdim=True)
    noise = energies[:, :-1].clamp(min=0).sum(1, keepdim=True) + params.noise_share * energy_of_pictures
    odds = 2 * directions[:, :, -1] * difference.shape[1] ** 0.5 * lead / (noise + 1e-6)
    return odds.clamp(-params.max_odds, params.max_odds)


def _same_course(offset: Tensor, telling: Tensor, params: MeetingParams) -> Tensor:
    """Log-odds [B, T - 1] that a pair goes on as it is from each frame to the next, rather than exchanged; offset
    [B, T, 2], widths: from one object to the other; telling [B, T]: how much each frame has to say. One line is fitted
    to the offsets in the frames before, one to those after: do they agree halfway between the two frames?"""
    T = offset.shape[1]
    times = torch.arange(T, device=offset.device, dtype=offset.dtype)
    halfway = times[:-1, None] + 0.5
    time = times - halfway  # [T - 1, T]

    def line(side: int) -> tuple[Tensor, Tensor, Tensor]:
        """Offset halfway and slope [B, T - 1, 2] of the line through the frames before (side -1) or after (1), and the
        weight [B, T - 1] of these frames, of which nearer ones count more."""
        age = side * time
        weight = torch.exp(-age.clamp(min=0) / params.memory) * (age > 0) * (telling[:, None] + 1e-3)
        total = weight.sum(-1, keepdim=True)
        mean_time = (weight * time).sum(-1, keepdim=True) / total
        centred = time - mean_time
        spread = (weight * centred.square()).sum(-1, keepdim=True)
        slope = ((weight * centred) @ offset) / (spread + params.slope_ridge * total)
        return weight @ offset / total - slope * mean_time, slope, total[..., 0]

    end, slope_before, weight_before = line(-1)
    start, slope_after, weight_after = line(1)
    agreement = (end * start).sum(-1) + params.memory**2 * (slope_before * slope_after).sum(-1)
    known = torch.minimum(weight_before, weight_after).clamp(max=1)
    odds = 2 * known * agreement / params.course_sigma**2
    # the frames around a meeting all tell of the same exchange: only the lowest odds may do so, else it would count
    # once for each frame
    around = int(params.memory)
    lowest = -F.max_pool1d(-odds[:, None], 2 * around + 1, stride=1, padding=around)[:, 0]
    return torch.where(odds == lowest, odds, odds.clamp(min=0)) + params.rare


def _exchanged(same_picture: Tensor, same_course: Tensor) -> Tensor:
    """In which frames [B, T] a pair is most likely exchanged, from the log-odds of its pictures [B, T] and of its
    course [B, T - 1]; in most frames it is not."""

    def arrive(total: Tensor, t: int) -> Tensor:
        stay = same_course[:, t - 1, None] / 2
        return torch.maximum(total + stay, total.flip(-1) - stay)

    def origin(total: Tensor, state: Tensor, t: int) -> Tensor:
        changes = total.gather(1, 1 - state) - total.gather(1, state) > same_course[:, t - 1, None]
        return torch.where(changes, 1 - state, state)

    exchanged = best_path(torch.stack([same_picture, -same_picture], -1) / 2, arrive, origin).bool()
    return exchanged ^ (exchanged.float().mean(1, keepdim=True) > 0.5)
