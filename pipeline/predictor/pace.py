"""How fast an object goes, whichever way it goes.

Legend: B batch, T frames.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def pace(track: Tensor) -> tuple[Tensor, Tensor]:
    """Place in the last frame and speed per frame, each [B, ..., 2], from all of track [B, T, ..., 2], T at least 2.

    x and y have a speed each, never negative: an object that comes back from a wall keeps its own. Steps that hold a
    turn or a rest say nothing of the speed. They cut the track into stretches, and least squares finds one speed for
    all of these; only its sign differs from stretch to stretch.
    """
    step = track.diff(dim=1)
    cut = _turns(step) | _rests(step)
    stretch = F.pad(cut.cumsum(1), (0, 0) * (track.dim() - 2) + (1, 0))  # the number of each frame's stretch
    together = (stretch[:, :, None] == stretch[:, None]).to(track)  # [B, T, T, ..., 2] 1 for frames of one stretch
    count = together.sum(2)

    def centred(values: Tensor) -> Tensor:
        """Values [B, T, ..., 2] less their mean over the stretch."""
        return values - (together * values[:, None]).sum(2) / count

    times = torch.arange(track.shape[1], dtype=track.dtype, device=track.device)
    time, place = centred(times.view(1, -1, *[1] * (track.dim() - 2)).expand_as(track)), centred(track)
    covariance = (together * (time * place)[:, None]).sum(2) / count
    speed = covariance.abs().sum(1) / time.square().sum(1).clamp(min=1e-3)
    middle, direction = track[:, -1] - place[:, -1], covariance[:, -1].sign()  # of the last stretch
    return middle + direction * speed * time[:, -1], speed


def _turns(step: Tensor) -> Tensor:
    """Which steps [B, T - 1, ..., 2] hold a turn, so that part of them is the way back: the steps before and after go
    opposite ways. Where neighbours both could hold it, the shorter one does."""
    before, after = torch.cat([step[:, :1], step[:, :-1]], 1), torch.cat([step[:, 1:], step[:, -1:]], 1)
    length = torch.where(before * after < 0, step.abs(), torch.inf)
    none = torch.full_like(length[:, :1], torch.inf)
    length_before, length_after = torch.cat([none, length[:, :-1]], 1), torch.cat([length[:, 1:], none], 1)
    return (length < length_before) & (length <= length_after)


def _rests(step: Tensor) -> Tensor:
    """In which steps [B, T - 1, ..., 2] the object rests, [B, T - 1, ..., 1]: it goes less than half its usual way."""
    way = step.norm(dim=-1, keepdim=True)
    usual = way.sort(1).values[:, None, (way.shape[1] - 1) // 2]  # torch's median may differ from run to run on CUDA
    return way < 0.5 * usual
