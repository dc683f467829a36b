"""Scenes that training clips have in common: what stands behind whatever moves, also where a clip never shows it.

A camera that holds still films one scene in many clips; the median of all their frames is its background even where
an object rests throughout one clip, or covers most of it. Where most frames differ from that median, as where people
always stand, nothing is known. A clip is recognised by how well its own median fits once the light is matched; a clip
that shows no known scene has its own median alone. The scene is part of the code of a background, whose other numbers
then only say what differs from it.

Legend: n clips, S scenes, B clips at once, T frames, C channels, H W px. Pictures are in [0, 1] but where uint8 is
said. A scene is a picture [C + 1, H, W] whose last channel is 1 where the others are known, 0 where they are not.
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
MAX_CLIPS = 200
"""Training clips in which scenes are sought, evenly spaced."""
FRAMES_PER_CLIP = 3
"""Frames of each clip that go into a scene's picture, the median of all: neighbouring frames say the same."""
COARSE_PX = 32
"""Longer side, px, of the small pictures on which every clip is compared with every other."""


@dataclass(frozen=True)
class Scene:
    """What is known of the background of each of B clips."""

    picture: Tensor
    """[B, C, H, W] the scene that fits best (a guess where it is not known); zero if none fits; [B, 1, 1, 1] if there
    are no scenes"""
    certain: Tensor
    """[B, 1, H, W] 1 where that scene is known, else 0; [B, 1, 1, 1] if there are no scenes"""
    chosen: Tensor
    """[B, S] 1 for that scene, 0 for the others"""

    @property
    def known(self) -> Tensor:
        """Whether a clip shows a scene, bool [B]."""
        return self.chosen.sum(1) > 0

    def complete(self, background: Tensor, params: SceneParams = DISCOVERY.scenes) -> Tensor:
        """background [B, C, H, W] as the clips show it, but where the known one differs, that one in the clips'
        light."""
        if not self.known.any():
            return background
        lit = in_light_of(self.picture, self.certain, background, params)
        apart = (background - lit).abs().amax(1, keepdim=True)
        own = ((params.differ - apart) / (params.differ - params.agree)).clamp(0, 1)
        return torch.where(self.certain > 0, torch.lerp(lit, background, own), background)


def recognise(scenes: Tensor, median: Tensor, params: SceneParams = DISCOVERY.scenes) -> Scene:
    """Which of the scenes [S, C + 1, H, W] clips show, from each clip's median [B, C, H, W]."""
    if not len(scenes):
        nothing = median.new_zeros(len(median), 1, 1, 1)
        return Scene(nothing, nothing, median.new_zeros(len(median), 0))
    agreement = torch.stack([_agreement(scene[None, :-1], scene[None, -1:], median, params) for scene in scenes], 1)
    best = F.one_hot(agreement.argmax(1), len(scenes))
    chosen = (best * (agreement > params.recognised)).to(median)
    shown = drawn(scenes, chosen)
    return Scene(shown[:, :-1], shown[:, -1:], chosen)


def drawn(scenes: Tensor, chosen: Tensor) -> Tensor:
    """The one of scenes [S, C + 1, H, W] that is `chosen` [B, S] for each clip, zero where none is:
    [B, C + 1, H, W]."""
    return torch.einsum("bs,schw->bchw", chosen, scenes)


def find_scenes(
    read: Callable[[np.ndarray], np.ndarray], rows: np.ndarray, params: SceneParams = DISCOVERY.scenes,
) -> np.ndarray:
    """The scenes of training clips, uint8 [S, C + 1, H, W], those of most clips first; the last channel is 255 where a
    scene is known, else 0. read(rows) returns clips uint8 [n, T, H, W, C]. What fewer than `min_clips` show is no
    scene; `SceneParams` says why."""
    medians, frames = [], []
    for row in rows[evenly_spaced(len(rows), MAX_CLIPS)]:  # one by one: clips are large
        clip = read(row[None])[0]
        medians.append(np.median(clip, 0).astype(np.uint8))
        frames.append(clip[evenly_spaced(len(clip), FRAMES_PER_CLIP)])
    small = _coarse(to_unit(np.stack(medians)))
    everywhere = torch.ones_like(small[:1, :1])
    alike = torch.stack([_agreement(one[None], everywhere, small, params) for one in small]) > params.recognised
    left = np.ones(len(small), bool)
    found: list[np.ndarray] = []
    while len(found) < MAX_SCENES:
        members = alike.numpy() & left
        seed = members.sum(1).argmax()
        if members[seed].sum() < params.min_clips:
            break
        chosen = members[seed].nonzero()[0]
        found.append(_scene([medians[i] for i in chosen], [frames[i] for i in chosen], params))
        left &= ~members[seed]
    channels, height, width = np.moveaxis(medians[0], -1, 0).shape
    return np.stack(found) if found else np.empty((0, channels + 1, height, width), np.uint8)


def _scene(medians: list[np.ndarray], frames: list[np.ndarray], params: SceneParams) -> np.ndarray:
    """The scene [C + 1, H, W] that clips have in common, from the median [H, W, C] and some frames [n, H, W, C] of
    each; all uint8."""
    picture = np.median(np.concatenate(frames), 0).astype(np.uint8)
    common = to_unit(picture[None])
    everywhere, alike = torch.ones_like(common[:, :1]), []
    for median, shown in zip(medians, frames, strict=True):
        lit = in_light_of(common, everywhere, to_unit(median[None]), params)
        alike.append(((to_unit(shown) - lit).abs().amax(1) < params.agree).float().mean(0))
    certain = (torch.stack(alike).mean(0) > params.certain).numpy()
    return np.concatenate([np.moveaxis(picture, -1, 0), 255 * certain[None].astype(np.uint8)])


def in_light_of(
    picture: Tensor, certain: Tensor, median: Tensor, params: SceneParams = DISCOVERY.scenes,
) -> Tensor:
    """picture [B or 1, C, H, W] in the light of median [B, C, H, W]: a gain and an offset for each channel, fitted
    where the picture is known (certain [B or 1, 1, H, W]). Least squares, repeated with less weight where the two
    differ (Cauchy's weights), since something may stand there."""
    lit, weights = picture, certain.expand(-1, -1, *median.shape[-2:])
    for _ in range(params.light_rounds):
        weights = weights / weights.mean((2, 3), keepdim=True).clamp(min=1e-6)

        def mean(x: Tensor) -> Tensor:
            return (weights * x).mean((2, 3), keepdim=True)  # noqa: B023, called at once

        middle, own_middle = mean(picture), mean(median)
        contrast = picture - middle
        together, alone = mean(contrast * (median - own_middle)), mean(contrast.square())
        lit = own_middle + (together + params.flat) / (alone + params.flat) * contrast
        weights = certain / (1 + (median - lit).square().mean(1, keepdim=True) / params.covered**2)
    return lit


def _agreement(picture: Tensor, certain: Tensor, median: Tensor, params: SceneParams) -> Tensor:
    """Share [B] of the known pixels in which picture [1, C, H, W] and medians [B, C, H, W] are alike once the light is
    matched."""
    apart = (median - in_light_of(picture, certain, median, params)).abs().amax(1, keepdim=True)
    return (certain * (apart < params.agree)).mean((1, 2, 3)) / certain.mean().clamp(min=1e-6)


def _coarse(pictures: Tensor) -> Tensor:
    """Pictures [n, C, H, W] shrunk to COARSE_PX by means: [n, C, h, w]."""
    height, width = pictures.shape[-2:]
    ratio = min(1.0, COARSE_PX / max(height, width))
    return F.adaptive_avg_pool2d(pictures, (max(1, round(ratio * height)), max(1, round(ratio * width))))
