"""How far a predictor is believed.

Codes go on without learning as their table says (`pipeline.latents.codes`), and the predictor adds something to that. A
network that learned from thirty clips knows them by heart, and adds to new clips what was true of those. So only a
share of what it adds is used, one for each code and step: the share from 0 to 1 that comes nearest to the validation
clips. Where its gain over 0 is within one standard error of the mean over clips, the share is 0. It is 0 as well where
fewer clips validate than are enough to judge by: clips that follow one another in one video agree, and say nothing of
the next video.

Legend: B batch, K slots, M modes, H horizon, P pose components, D numbers of a code.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from pipeline.few_sequences import ENOUGH
from pipeline.latents import pose as poses
from pipeline.latents.extrapolation import straight_on
from pipeline.latents.latents import Latents
from pipeline.predictor.predictor import Predictor

SHARES = torch.linspace(0, 1, 11)
"""The shares that are tried."""
FAR_SHARE = 1 / 32
"""Distance, as a share of the frame's longer side, from which on an error of place hardly grows: about half an object's
width. An object that is drawn so far from its place is drawn beside itself, and further away is no worse. Without that
bound a few tangled tracks would decide."""


@torch.no_grad()
def fit_restraint(predictor: Predictor, clips: Iterable[tuple[Latents, Latents]]) -> None:
    """Sets the shares and the trust of a trained predictor in place; clips: contexts, and what came after each.

    The share of a code and step is the one of least error if its gain over share 0 is certain, that is more than a
    standard error over the clips (the rule of Breiman et al. 1984 for pruning trees), else 0. Trust is the certain part
    of the gain in places. Both are 0 where clips are fewer than ENOUGH["val"]. On six real sets with so few, what the
    network adds took 72 % off the error of places in validation clips, by seven standard errors, and made it 2.4 times
    as large in test clips (basketball); at best pictures gained 0.02 dB by it, at worst they lost 0.12 (fish).
    """
    far = FAR_SHARE * max(predictor.spec.height, predictor.spec.width)
    errors: list[list[Tensor]] = [[] for _ in predictor.residual_share]
    for context, target in clips:
        for i, (added, wanted, weight) in enumerate(_residuals(predictor, context, target)):
            errors[i].append(torch.stack([
                _by_clip((share * added - wanted).square().sum(-1), weight, far if i == 0 else None) for share in SHARES
            ]))
    for i, parts in enumerate(errors):
        error = torch.cat(parts, 1)  # [shares, clips, H]
        best = error.mean(1).argmin(0)  # [H]
        gain = error[0] - error.gather(0, best.expand(1, *error.shape[1:]))[0]  # [clips, H]
        certain = (gain.mean(0) - _standard_error(gain)).clamp(min=0)
        if len(gain) < ENOUGH["val"]:
            certain = torch.zeros_like(certain)
        predictor.residual_share[i] = SHARES.to(error)[best] * (certain > 0)
        if i == 0:
            predictor.trust.copy_((certain / error[0].mean(0).clamp(min=1e-12)).clamp(max=1))


def _standard_error(values: Tensor) -> Tensor:
    """Standard errors [H] of the means over clips of values [clips, H]; without a second clip nothing is certain."""
    return values.std(0) / len(values)**0.5 if len(values) > 1 else torch.full_like(values[0], torch.inf)


def _residuals(predictor: Predictor, context: Latents, target: Latents) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """What the predictor adds to going on without learning, what it should have added, both [..., H, D], and how much
    each counts, [..., H]: first of places, then of each other code."""
    block = predictor(context)
    line = poses.place(straight_on(context.pose, predictor.config.horizon)).transpose(1, 2)  # [B, K, H, 2]
    expected = (block.mode_logits.softmax(-1)[..., None, None] * poses.place(block.moving)).sum(2)
    seen = (target.presence[:, None] * poses.visibility(target.pose)).transpose(1, 2)  # [B, K, H]
    yield expected - line, poses.place(target.pose).transpose(1, 2) - line, seen
    for name, mean in block.means.items():
        base, of_objects = predictor.base_of(name, context), name in predictor.object_codes
        came = target.codes[name].transpose(1, 2) if of_objects else target.codes[name]
        yield mean - base, came - base, seen if of_objects else torch.ones_like(mean[..., 0])


def _by_clip(squared: Tensor, weight: Tensor, far: float | None) -> Tensor:
    """Weighted means [B, H] of squared errors [B, ..., H], bounded by far^2 where that is given (Geman and McClure
    1987)."""
    if far is not None:
        squared = squared / (1 + squared / far**2)
    total = (squared * weight).flatten(1, -2).sum(1) if squared.dim() > 2 else squared * weight
    count = weight.flatten(1, -2).sum(1) if weight.dim() > 2 else weight
    return total / count.clamp(min=1e-6)
