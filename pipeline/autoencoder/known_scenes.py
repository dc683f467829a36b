"""Scenes that training clips have in common: what stands behind whatever moves, also where a clip never shows it.

A camera that holds still films one scene in many clips; the median of all their frames is its background even where
an object rests throughout one clip, or covers most of it. A clip is recognised by how well its own median fits once
the light is matched; one of no known scene has its own median alone. The scene is part of the code of a
background, which then only says what differs from it.

Legend: n clips, S scenes, B clips at once, T frames, C channels, H W px. Pictures are in [0, 1] but where uint8 is
said.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.autoencoder.discovery_params import DISCOVERY, SceneParams
from pipeline.frames.pixels import to_unit
from pipeline.spacing import evenly_spaced

MAX_SCENES = 8
MAX_CLIPS = 100
"""Training clips in which scenes are sought, evenly spaced."""
FRAMES_PER_CLIP = 3
"""Frames of each that a scene's picture is the median of: neighbours say the same."""
COARSE_PX = 32
"""Longer side of the pictures on which clips are compared with one another; all pairs are."""


@dataclass(frozen=True)
class Scene:
    """What is known of the background of each of B clips."""

    picture: Tensor
    """[B, C, H, W] the scene that fits best; zero where none does"""
    chosen: Tensor
    """[B, S] 1 for that scene, 0 for the others"""

    @property
    def known(self) -> Tensor:
        """bool [B] whether a clip shows one"""
        return self.chosen.sum(1) > 0

    def complete(self, background: Tensor, params: SceneParams = DISCOVERY.scenes) -> Tensor:
        """background [B, C, H, W] as the clips show it; where it differs from the known one, that in the clips'
        light."""
        if not self.known.any():
            return background
        lit = in_light_of(self.picture, background, params)
        apart = (background - lit).abs().amax(1, keepdim=True)
        own = ((params.differ - apart) / (params.differ - params.agree)).clamp(0, 1)
        return torch.where(self.known[:, None, None, None], torch.lerp(lit, background, own), background)


def recognise(scenes: Tensor, median: Tensor, params: SceneParams = DISCOVERY.scenes) -> Scene:
    """Which of the scenes [S, C, H, W] the clips of that median [B, C, H, W] show."""
    if not len(scenes):
        return Scene(torch.zeros_like(median), median.new_zeros(len(median), 0))
    agreement = torch.stack([_agreement(scene[None], median, params) for scene in scenes], 1)
    best = F.one_hot(agreement.argmax(1), len(scenes))
    chosen = (best * (agreement > params.recognised)).to(median)
    return Scene(torch.einsum("bs,schw->bchw", chosen, scenes), chosen)


def find_scenes(
    read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, params: SceneParams = DISCOVERY.scenes,
) -> np.ndarray:
    """The scenes of the training clips read(rows), uint8 [n, T, H, W, C]: uint8 [S, C, H, W], those of most clips
    first. A scene that fewer than `min_clips` show is none: nothing is known of it that its clips do not say."""
    medians, frames = [], []
    for row in rows[evenly_spaced(len(rows), MAX_CLIPS)]:  # one by one: clips are large, and one may be long
        clip = read(row[None])[0]
        medians.append(np.median(clip, 0).astype(np.uint8))
        frames.append(clip[evenly_spaced(len(clip), FRAMES_PER_CLIP)])
    small = _coarse(to_unit(np.stack(medians)))
    alike = torch.stack([_agreement(one[None], small, params) for one in small]) > params.recognised
    left = np.ones(len(small), bool)
    found: list[np.ndarray] = []
    while len(found) < MAX_SCENES:
        members = alike.numpy() & left
        seed = members.sum(1).argmax()
        if members[seed].sum() < params.min_clips:
            break
        picture = np.median(np.concatenate([frames[i] for i in members[seed].nonzero()[0]]), 0)
        found.append(picture.astype(np.uint8))
        left &= ~members[seed]
    shape = (0, *medians[0].shape)
    return np.moveaxis(np.stack(found) if found else np.empty(shape, np.uint8), -1, 1)


def in_light_of(picture: Tensor, median: Tensor, params: SceneParams = DISCOVERY.scenes) -> Tensor:
    """picture with a gain and an offset for each channel that bring it to median, both [B or 1, C, H, W]: least
    squares, again and again with less weight where they differ (Cauchy's weights), since something may stand there."""
    lit, weights = picture, torch.ones_like(picture[:, :1])
    for _ in range(params.light_rounds):
        weights = weights / weights.mean((2, 3), keepdim=True)

        def mean(x: Tensor) -> Tensor:
            return (weights * x).mean((2, 3), keepdim=True)  # noqa: B023, called at once

        middle, own_middle = mean(picture), mean(median)
        contrast = picture - middle
        together, alone = mean(contrast * (median - own_middle)), mean(contrast.square())
        lit = own_middle + (together + params.flat) / (alone + params.flat) * contrast
        weights = 1 / (1 + (median - lit).square().mean(1, keepdim=True) / params.covered**2)
    return lit


def _agreement(picture: Tensor, median: Tensor, params: SceneParams) -> Tensor:
    """[B] share of the pixels that are alike in picture [1, C, H, W] and medians [B, C, H, W], but for the light."""
    apart = (median - in_light_of(picture, median, params)).abs().amax(1)
    return (apart < params.agree).float().mean((1, 2))


def _coarse(pictures: Tensor) -> Tensor:
    """[n, C, h, w] means of pictures [n, C, H, W]."""
    height, width = pictures.shape[-2:]
    ratio = min(1.0, COARSE_PX / max(height, width))
    return F.adaptive_avg_pool2d(pictures, (max(1, round(ratio * height)), max(1, round(ratio * width))))
