"""How fast an object goes, whichever way it goes.

Legend: B batch, T frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pace(track: Tensor) -> tuple[Tensor, Tensor]:
    """Place in the last frame and speed per frame, each [B, ..., 2], in x and y over all of track [B, T, ..., 2], T at
    least 2, whichever way it goes: an object that comes back from a wall keeps its speed. Least squares over the
    stretches between steps that say nothing of it, whose slopes differ in sign alone.

    Such a step holds a turn, part of it is the way back: the steps around it go opposite ways, and it is the shorter
    one of those that could hold it. Or the object rests: it goes less than half its usual way.
    """
    change = track.diff(dim=1)
    before, after = torch.cat([change[:, :1], change[:, :-1]], 1), torch.cat([change[:, 1:], change[:, -1:]], 1)
    length = torch.where(before * after < 0, change.abs(), torch.inf)
    beside = torch.full_like(length[:, :1], torch.inf)
    turns = (length < torch.cat([beside, length[:, :-1]], 1)) & (length <= torch.cat([length[:, 1:], beside], 1))
    way = change.norm(dim=-1, keepdim=True)
    usual = way.sort(1).values[:, None, (way.shape[1] - 1) // 2]  # torch's median may differ from run to run on CUDA
    rests = way < 0.5 * usual
    stretch = F.pad((turns | rests).cumsum(1), (0, 0) * (track.dim() - 2) + (1, 0))
    same = (stretch[:, :, None] == stretch[:, None]).to(track)  # [B, T, T, ...]
    count = same.sum(2)
    def centred(x: Tensor) -> Tensor:
        return x - (same * x[:, None]).sum(2) / count
    times = torch.arange(track.shape[1], dtype=track.dtype, device=track.device)
    time, place = centred(times.view(1, -1, *[1] * (track.dim() - 2)).expand_as(track)), centred(track)
    along = (same * (time * place)[:, None]).sum(2) / count
    speed = along.abs().sum(1) / time.square().sum(1).clamp(min=1e-3)
    return track[:, -1] - place[:, -1] + along[:, -1].sign() * speed * time[:, -1], speed
