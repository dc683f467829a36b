"""Closed-form start of the autoencoder: principal components of the pictures that the proposals found.

From here training refines; from random weights it takes far longer and may never find objects at all.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.background import BLOCK
from pipeline.autoencoder.proposals import Proposals
from pipeline.spacing import evenly_spaced

MAX_CLIPS = 2048
"""Of more clips than that an evenly spaced choice is looked at: enough for components, and memory has a bound."""
MIN_SCALE = 0.02
"""Components that vary less than this (standard deviation) are not blown up to unit variance."""
NUM_VARIMAX_STEPS = 60


@torch.no_grad()
def initialise(model: Autoencoder, proposals: Proposals) -> None:
    """Sets the linear parts of encoders and decoders in place, so that every number of a code is of about unit variance."""
    num_clips = len(proposals.background)
    if num_clips > MAX_CLIPS:
        chosen = torch.from_numpy(evenly_spaced(num_clips, MAX_CLIPS))
        proposals = proposals.map(lambda _, x: x[chosen])
    background = model.background_encoder.blocks
    height, width = proposals.background.shape[-2:]
    padded = F.pad(proposals.background.float(), (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    blocks = F.unfold(padded, BLOCK, stride=BLOCK).transpose(1, 2).flatten(0, 1)
    mean, components, scale = principal_components(blocks, background.out_channels)
    background.weight.copy_((components / scale[:, None]).view_as(background.weight))
    background.bias.copy_(-(components @ mean) / scale)
    decoder = model.background_decoder.blocks
    decoder.weight.copy_((components * scale[:, None]).view_as(decoder.weight))
    decoder.bias.copy_(mean.view(-1, BLOCK * BLOCK).mean(1))
    # what one bias per channel cannot say of the mean block is next to nothing: blocks lie anywhere in the picture

    sprites = proposals.sprites
    pictures = torch.cat([sprites.color, sprites.alpha[:, :, None]], 2)[sprites.presence > 0].float()
    if len(pictures) == 0:
        return  # no clip shows an object: nothing to learn appearances from
    pictures = torch.cat([pictures, pictures.flip(-1), pictures.flip(-2), pictures.transpose(-1, -2)])
    # an error of alpha counts as if it were one of every colour: that is where it shows
    weight = torch.ones_like(pictures[0])
    weight[-1] = len(weight) - 1
    weight = weight.flatten()
    linear = model.appearance_encoder.components
    mean, components, scale = principal_components(pictures.flatten(1) * weight, linear.out_features)
    components, scale = simple_structure(components, scale)
    linear.weight.copy_(components * weight / scale[:, None])
    linear.bias.copy_(-(components @ mean) / scale)
    linear = model.appearance_decoder.components
    linear.weight.copy_((components * scale[:, None] / weight).T)
    linear.bias.copy_(mean / weight)


def principal_components(rows: Tensor, num_components: int) -> tuple[Tensor, Tensor, Tensor]:
    """Mean [D], leading components [num_components, D] (orthonormal; zero past the rank) and their standard deviations.

    Each component's sign is fixed (its largest entry is positive), so that equal data gives equal bytes.
    """
    mean = rows.mean(0)
    centred = rows - mean
    covariance = centred.T @ centred / max(1, len(rows) - 1)
    variance, vectors = torch.linalg.eigh(covariance)
    variance, vectors = variance.flip(0)[:num_components], vectors.flip(1)[:, :num_components].T
    missing = num_components - len(vectors)
    components = F.pad(vectors, (0, 0, 0, missing))
    largest = components.gather(1, components.abs().argmax(1, keepdim=True))
    components = components * torch.where(largest < 0, -1.0, 1.0)
    return mean, components, F.pad(variance.clamp(min=0).sqrt(), (0, missing)).clamp(min=MIN_SCALE)


def simple_structure(components: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
    """The same space in axes that each speak of a part of the picture and leave the rest alone: the components
    [num_components, D] rotated by varimax (Kaiser 1958), with the standard deviations along them; those that hardly vary stay
    as they are.

    Principal components each speak of all of it, the lesser ones of noise. A probe, or a hand, finds in parts what it looks
    for with fewer examples.
    """
    real = scale > MIN_SCALE
    loadings = components[real].T
    rotation = torch.eye(loadings.shape[1], dtype=loadings.dtype, device=loadings.device)
    for _ in range(NUM_VARIMAX_STEPS):
        turned = loadings @ rotation
        slope = loadings.T @ (turned**3 - turned * turned.square().mean(0))
        left, _, right = torch.linalg.svd(slope)
        rotation = left @ right
    components, scale = components.clone(), scale.clone()
    components[real] = rotation.T @ components[real]
    scale[real] = (rotation.square().T @ scale[real].square()).sqrt()
    return components, scale
