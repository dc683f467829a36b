"""What is not explained, and yet is nothing new: the context shows it, too, at whatever place.

Taking a context apart misses objects: small ones, slow ones, those that rest or hide behind another. When they move,
neither background nor forecast objects explain them. But the frames that were given do, patch by patch: the last one,
and an earlier one for what was covered by then.

Legend: T context frames, h frames that came, C channels, H W px, S samples of a patch, N cells of a frame, L places of
a patch.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

_SAMPLES = 16
"""Across a typical object, at most: larger frames are looked at smaller, so that this costs as little."""
_CELLS = 4
"""Across a typical object; of each cell a patch of twice its width is looked for."""
_STRANGE = 5.0
"""Nats per number, on average over a patch, above which it is looked for: some ten times what the context leaves."""
_MOST = 64
"""Cells of a frame that are looked for, those that are explained the least: as much as four objects cover."""
_SHOWN = 2
"""Context frames that are searched, evenly spaced, the last one first: of ten the last and the fifth. On 3,000
undisturbed frames of sprites one gave 7 alarms at one in 1,000, two gave 6, and so did three; cost grows with them."""


def unfamiliar(frames: Tensor, context: Tensor, error: Tensor, usual: Tensor, object_px: float) -> Tensor:
    """Which share, from 0 to 1, of the error is left where the patch around is drawn as the most similar one of the
    context: [h, H, W], the same in each cell; 1 where hardly anything is to be explained.

    frames [h, C, H, W] with what is not explained of them, error [h, H, W], its mean square over the channels; context
    [T, C, H, W]; usual [H, W]: the error to be expected, over 0. A patch is compared by what is strange in it alone:
    what lies beside that may have changed.
    """
    (h, C, H, W), step = frames.shape, max(1, round(object_px / _SAMPLES))
    cell = max(1, round(object_px / step / _CELLS))
    reach = cell // 2

    def smaller(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, step, ceil_mode=True)

    error, usual = smaller(error[:, None]), smaller(usual[None, None])
    rows, columns = (-(-side // cell) for side in error.shape[-2:])
    beyond = reach, columns * cell - error.shape[-1] + reach, reach, rows * cell - error.shape[-2] + reach

    def patches(x: Tensor) -> Tensor:  # [h, c, H, W] to [h, N, c S]
        return F.unfold(F.pad(x, beyond), cell + 2 * reach, stride=cell).mT

    nats = error / (2 * usual)
    weight, strange = patches(nats / (nats + 1)), patches(nats).mean(-1)
    unexplained, wanted = (weight * patches(error)).sum(-1), patches(smaller(frames))

    def left_by(shown: Tensor) -> Tensor:  # [C, H, W] to [h, N]
        place = F.unfold(smaller(shown[None]), cell + 2 * reach)[0]  # [C S, L]
        squared = place.square().unflatten(0, (C, -1)).sum(0)
        left = torch.ones_like(strange)
        for i in range(h):
            most, cells = strange[i].topk(min(_MOST, rows * columns))
            cells = cells[most > _STRANGE]
            own, patch = weight[i, cells], wanted[i, cells].unflatten(-1, (C, -1))  # [n, S], [n, C, S]
            weighted = patch * own[:, None]
            # multiplied out: weight * |patch - place|^2, for all places at once
            nearest = (own @ squared - 2 * weighted.flatten(1) @ place).amin(1) + (weighted * patch).sum((1, 2))
            left[i, cells] = (nearest.clamp(min=0) / C / unexplained[i, cells]).clamp(max=1)
        return left

    searched = context.flip(0)[::max(1, len(context) // _SHOWN)][:_SHOWN]
    left = torch.stack([left_by(shown) for shown in searched]).amin(0)
    in_px = left.view(h, rows, columns).repeat_interleave(cell * step, 1).repeat_interleave(cell * step, 2)
    return in_px[:, :H, :W]
