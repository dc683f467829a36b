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
from pipeline.latents.latents import Latents, LatentSpec
from pipeline.predictor.block import Block
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
        block = predictor(context)
        errors[0].append(torch.stack(list(_place_errors(block, context, target, far, predictor.spec))))
        for i, (added, wanted, weight) in enumerate(_residuals(predictor, block, context, target), start=1):
            errors[i].append(torch.stack([
                _by_clip((share * added - wanted).square().sum(-1), weight) for share in SHARES
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


def _place_errors(
    block: Block, context: Latents, target: Latents, far: float, spec: LatentSpec,
) -> Iterable[Tensor]:
    """For each of SHARES the error of places, [B, H] px^2, a mean over objects: the squared distance, bounded by far^2
    (Geman and McClure 1987). An object that is not seen any more, since it left the frame, and is drawn inside, is as
    wrong as one far from its place."""
    line = poses.place(straight_on(context.pose, block.moving.shape[3])).transpose(1, 2)  # [B, K, H, 2]
    chances = block.mode_logits.softmax(-1)[..., None]
    added = (chances[..., None] * poses.place(block.moving)).sum(2) - line
    drawn = (chances * block.visibility_logits.sigmoid()).sum(2)
    wanted, seen = poses.place(target.pose).transpose(1, 2), poses.visibility(target.pose).transpose(1, 2)
    size = line.new_tensor([spec.width, spec.height])
    present = target.presence[..., None].expand_as(seen)
    for share in SHARES:
        place = line + share * added
        distance = (place - wanted).square().sum(-1)
        inside = ((place >= 0) & (place <= size)).all(-1)
        error = seen * distance / (1 + distance / far**2) + (1 - seen) * inside * drawn * far**2
        yield _by_clip(error, present)


def _residuals(
    predictor: Predictor, block: Block, context: Latents, target: Latents,
) -> Iterable[tuple[Tensor, Tensor, Tensor]]:
    """Of each code but the pose: what the predictor adds to going on without learning, what it should have added, both
    [..., H, D], and how much each counts, [..., H]."""
    seen = (target.presence[:, None] * poses.visibility(target.pose)).transpose(1, 2)  # [B, K, H]
    for name, mean in block.means.items():
        base, of_objects = predictor.base_of(name, context), name in predictor.object_codes
        came = target.codes[name].transpose(1, 2) if of_objects else target.codes[name]
        yield mean - base, came - base, seen if of_objects else torch.ones_like(mean[..., 0])


def _by_clip(errors: Tensor, weight: Tensor) -> Tensor:
    """Weighted means [B, H] of errors [B, ..., H]."""
    total = (errors * weight).flatten(1, -2).sum(1) if errors.dim() > 2 else errors * weight
    count = weight.flatten(1, -2).sum(1) if weight.dim() > 2 else weight
    return total / count.clamp(min=1e-6)
