"""Closed-form start of the autoencoder: principal components of the pictures that the proposals found.

From here training refines; from random weights it takes far longer and may never find objects at all.

Legend: N pictures, C channels, H W background picture, P patch side in samples.
"""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.fft import dct
from torch import Tensor

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.autoencoder.background import BLOCK
from pipeline.autoencoder.known_scenes import recognise
from pipeline.autoencoder.principal_components import Prior, principal_components, simple_structure
from pipeline.autoencoder.proposals import Proposals
from pipeline.spacing import evenly_spaced

MAX_CLIPS = 2048
"""Most clips that are looked at, evenly spaced: enough for components, and memory has a bound."""

MAX_VALUES = 2**25
"""Of the pictures of these clips together; up to eleven times as many floats are held at once: 1.4 GiB."""

PRIOR_PICTURES = 10
"""Pictures of objects, mirrored ones too, that smooth pictures count as. Of the pictures of three sets of few clips (10
to 43 objects) components of one half leave over 3 to 30 % less of the other half with it where there are 48, and 9 to
55 % less where there are 96. With 120 that is about the same and with 1000 partly worse; squares that are all alike
lose from 30 on."""
PRIOR_FALL = 1.5
"""Power of smooth pictures over 1 + squared frequency; pictures of scenes have about 1 (Field 1987), but objects fade
towards the edge of theirs, and with 1 codes of other clips gain less."""


@torch.no_grad()
def initialise(model: Autoencoder, proposals: Proposals) -> None:
    """Sets the linear parts of encoders and decoders in place, every number of a code to about unit variance."""
    num_clips = len(proposals.background)
    most = most_clips(proposals)
    if num_clips > most:
        chosen = torch.from_numpy(evenly_spaced(num_clips, most))
        proposals = proposals.take(chosen)
    _initialise_background(model, proposals.background.float())
    sprites = proposals.sprites
    pictures = sprites.picture[sprites.presence > 0].float()
    if len(pictures):  # else no clip shows an object: there is nothing to learn appearances from
        _initialise_appearance(model, pictures)


def _initialise_background(model: Autoencoder, pictures: Tensor) -> None:
    """Components of the blocks of background pictures [N, C, H, W]."""
    height, width = pictures.shape[-2:]
    scene = recognise(model.scenes.cpu(), pictures)
    # whole pictures too: what differs from a scene in training clips is little, and a new clip may show another one
    both = torch.cat([pictures, (pictures - scene.picture)[scene.known]])
    padded = F.pad(both, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
    blocks = F.unfold(padded, BLOCK, stride=BLOCK).transpose(1, 2).flatten(0, 1)
    encoder, decoder = model.background_encoder.blocks, model.background_decoder.blocks
    # about an even block, which one bias per channel can say: what few clips have in common at a place of their blocks
    # would be missing from every picture otherwise
    level = blocks.mean(0).view(-1, BLOCK * BLOCK).mean(1)
    even = level.repeat_interleave(BLOCK * BLOCK)
    _, components, scale = principal_components(blocks, encoder.out_channels, even)
    assert encoder.bias is not None and decoder.bias is not None
    encoder.weight.copy_((components / scale[:, None]).view_as(encoder.weight))
    encoder.bias.copy_(-(components @ even) / scale)
    decoder.weight.copy_((components * scale[:, None]).view_as(decoder.weight))
    decoder.bias.copy_(level)


def _initialise_appearance(model: Autoencoder, pictures: Tensor) -> None:
    """Components of pictures of objects [N, C + 1, P, P], and of these mirrored and transposed."""
    pictures = torch.cat([pictures, pictures.flip(-1), pictures.flip(-2), pictures.transpose(-1, -2)])
    # an error of the mask counts as if it were one of every colour: that is where it shows
    planes = torch.ones(pictures.shape[1])
    planes[-1] = len(planes) - 1
    weight = planes.repeat_interleave(pictures.shape[-1] ** 2)
    encoder, decoder = model.appearance_encoder.components, model.appearance_decoder.components
    prior = Prior(_smooth(pictures.shape[-1], planes), PRIOR_PICTURES)
    mean, components, scale = principal_components(pictures.flatten(1) * weight, encoder.out_features, prior=prior)
    components, scale = simple_structure(components, scale)
    encoder.weight.copy_(components * weight / scale[:, None])
    encoder.bias.copy_(-(components @ mean) / scale)
    decoder.weight.copy_((components * scale[:, None] / weight).T)
    decoder.bias.copy_(mean / weight)


def _smooth(patch_dim: int, planes: Tensor) -> Tensor:
    """Covariance of smooth pictures, as objects' are: planes of such standard deviations [C + 1] that know nothing of
    one another, each a sum of cosines (DCT-II) whose power falls with their frequency. [(C + 1) P^2, (C + 1) P^2]"""
    waves = torch.from_numpy(dct(np.eye(patch_dim, dtype=np.float32), norm="ortho", axis=0))
    across = torch.einsum("ix,jy->ijxy", waves, waves).flatten(2).flatten(0, 1)
    squared = torch.arange(patch_dim).square()
    power = (1.0 + squared[:, None] + squared).pow(-PRIOR_FALL).view(-1, 1)
    return torch.kron(planes.square().diag(), across.T @ (power * across))


def most_clips(proposals: Proposals) -> int:
    """How many clips are looked at, whatever their size."""
    sprites = proposals.sprites
    of_clip = proposals.background[0].numel() + sprites.color[0].numel() + sprites.mask[0].numel()
    return max(1, min(MAX_CLIPS, MAX_VALUES // of_clip))
