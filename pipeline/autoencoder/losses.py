"""What the autoencoder is trained to lower.

Legend: B batch, T frames, K slots, C channels, H W frame, P patch side in samples.
"""

from dataclasses import dataclass, fields

import torch
from accelerate.utils import reduce
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.camera import shown
from pipeline.autoencoder.proposals import Proposals
from pipeline.autoencoder.tracking import evidence
from pipeline.autoencoder.train_autoencoder_params import LossParams
from pipeline.processes import processes


@dataclass(frozen=True)
class Whole:
    """What sums over a batch are divided by. Divided by that of the whole batch, the losses of its parts add up to its
    own."""

    num_clips: Tensor
    emphasis: Tensor
    """Weights of all pixels, added up."""
    present: Tensor
    """Slots with an object."""


@torch.no_grad()
def whole_batch(frames: Tensor, proposals: Proposals, params: LossParams) -> Whole:
    """The sums for clips [B, T, C, H, W]; those of several processes can be added."""
    emphasis = _emphasis(frames, proposals, params)
    return Whole(emphasis.new_tensor(len(frames)), emphasis.sum(), proposals.sprites.presence.sum())


def split_batch(
    batch: tuple[Tensor, Proposals], num_clips: int, params: LossParams,
) -> list[tuple[Tensor, Proposals, Whole | None]]:
    """Cuts a batch into parts of up to `num_clips` clips, whose losses add up to those of the batch; with several
    processes, to those of all processes' batches together (the gradients are then averages over the processes)."""
    frames, proposals = batch
    num_processes = processes().num_processes
    if len(frames) <= num_clips and num_processes == 1:
        return [(frames, proposals, None)]
    whole = whole_batch(frames, proposals, params)
    whole = Whole(*(reduce(getattr(whole, field.name), "mean") for field in fields(Whole)))
    parts = torch.arange(len(frames), device=frames.device).split(num_clips)
    return [(frames[part], proposals.take(part), whole) for part in parts]


def reconstruction_loss(
    model: Autoencoder, frames: Tensor, proposals: Proposals, params: LossParams, whole: Whole | None = None,
    recompute: bool = False,
) -> dict[str, Tensor]:
    """Losses of clips [B, T, C, H, W], given their proposals (of the same T frames). `whole`: sums of the batch that
    they are part of; None: they are all of it. With `recompute` frames are rendered one by one, and once more in the
    backward pass, for which next to nothing is kept (Chen et al. 2016, "Training deep nets with sublinear memory
    cost").

    loss = frame + picture_weight * picture. frame: squared error per pixel and channel, weighted towards what moves.
    picture: squared error of decoded sprites against the proposals' own (mask and premultiplied colour, over the
    present slots) plus that of the background, objects not in front of it.
    """
    latents = model.encode_proposals(proposals)
    pictures = model.decode_pictures(latents)
    emphasis = _emphasis(frames, proposals, params)
    whole = whole or Whole(emphasis.new_tensor(len(frames)), emphasis.sum(), proposals.sprites.presence.sum())
    share = len(frames) / whole.num_clips

    def render(start: int, stop: int) -> Tensor:
        """Squared error of the frames from start to stop, [2]: summed with emphasis, and its plain mean."""
        decoded = model.decode_layers(latents.frames(start, stop), pictures)
        error = (decoded.frames - frames[:, start:stop]).square().mean(2)
        return torch.stack([(emphasis[:, start:stop] * error).sum(), error.mean()])

    if recompute:
        times = range(frames.shape[1])
        totals = [checkpoint(render, t, t + 1, use_reentrant=False, preserve_rng_state=False) for t in times]
        weighted, mse = torch.stack(totals).sum(0) / torch.tensor([1, len(totals)], device=frames.device)
    else:
        weighted, mse = render(0, frames.shape[1])
    frame = weighted / whole.emphasis

    sprites = proposals.sprites
    sprite_errors = (pictures.objects - sprites.picture).square().mean((2, 3, 4))
    objects = (sprite_errors * sprites.presence).sum() / whole.present.clamp(min=1)
    background = (pictures.background - proposals.background).square().mean() * share
    picture = objects + background
    return {"loss": frame + params.picture_weight * picture, "frame": frame, "picture": picture, "mse": mse * share}


def _emphasis(frames: Tensor, proposals: Proposals, params: LossParams) -> Tensor:
    """Weight [B, T, H, W] of every pixel, larger where something moves."""
    background = shown(proposals.background, proposals.camera, *frames.shape[-2:])
    return 1 + params.object_weight * evidence(frames, background)
