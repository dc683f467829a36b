"""What the autoencoder is trained to lower.

Legend: B batch, T frames, K slots, C channels, H W frame, P patch side in samples.
"""

import torch
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder, light
from pipeline.autoencoder.proposals import Proposals
from pipeline.autoencoder.tracking import evidence
from pipeline.autoencoder.train_autoencoder_params import LossParams


def reconstruction_loss(model: Autoencoder, frames: Tensor, proposals: Proposals, params: LossParams) -> dict[str, Tensor]:
    """Losses of clips [B, T, C, H, W] whose proposals (of the same T frames) are given.

    loss = frame + picture_weight * picture. frame: squared error per pixel and channel, weighted towards what moves.
    picture: squared error of decoded sprites against the proposals' own (alpha and premultiplied colour, over the present
    slots) plus that of the background, objects not in front of it.
    """
    latents = model.encode_proposals(proposals)
    pictures = model.decode_pictures(latents)
    decoded = model.decode(latents, pictures)
    emphasis = 1 + params.object_weight * evidence(frames, light(proposals.background[:, None], proposals.camera))
    error = (decoded.frames - frames).square().mean(2)
    frame = (emphasis * error).sum() / emphasis.sum()

    sprites = proposals.sprites
    target = torch.cat([sprites.color, sprites.alpha[:, :, None]], 2)
    present = sprites.presence
    of_objects = ((pictures.objects - target).square().mean((2, 3, 4)) * present).sum() / present.sum().clamp(min=1)
    of_background = (pictures.background - proposals.background).square().mean()
    picture = of_objects + of_background
    return {"loss": frame + params.picture_weight * picture, "frame": frame, "picture": picture, "mse": error.mean()}
