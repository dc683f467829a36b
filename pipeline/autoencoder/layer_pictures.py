"""What codes are decoded to: the layers' pictures, one each per clip, and the frames that are drawn from them.

Legend: B batch, T frames, K slots, C channels, H W frame, H' W' canvas, h w window, P patch side in samples.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from pipeline.autoencoder.windows import Windows
from pipeline.latents.latents import Latents

REMAINDER = ("motion", "detail", "deformation")
"""Codes of what single pictures per clip leave over; a clip's own pictures show their mean already."""


@dataclass(frozen=True)
class Pictures:
    """What the layers of a clip look like: decoded from its codes, or as its frames showed them."""

    background: Tensor
    """[B, C, H', W'] about [0, 1]: the whole canvas"""
    objects: Tensor
    """[B, K, C + 1, P, P] premultiplied colour, then the mask"""
    motion: Tensor | None = None
    """[B, D_motion] the part of the motion code that these pictures already show; None: nothing"""
    detail: Tensor | None = None
    """[B, D_detail] the same of the detail code"""
    deformation: Tensor | None = None
    """[B, K, D_deformation] the same of the objects' deformation"""

    def map(self, change: Callable[[Tensor], Tensor]) -> "Pictures":
        tensors = {field.name: getattr(self, field.name) for field in fields(self)}
        return replace(self, **{name: change(x) for name, x in tensors.items() if x is not None})

    def not_yet_shown(self, name: str, latents: Latents) -> Tensor:
        """The code `name`, of REMAINDER, of latents, less what these pictures show of it."""
        code, shows = latents.codes[name], getattr(self, name)
        return code if shows is None else code - shows[:, None]


@dataclass(frozen=True)
class Decoded:
    frames: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    background: Tensor
    """[B, T, C, H, W] in [0, 1]"""
    layers: Tensor
    """[B, T, K, C + 2, h, w] each object in its window: colour times mask, mask, and alpha, which is what nearer
    objects leave of the mask"""
    windows: Windows
    displacement: Tensor | None = None
    """[B, T, 2, H, W] px to the right and down, from where the frames show something to where the layers draw it, by
    the motion code; None: there is none"""

    @property
    def objects(self) -> Tensor:
        """[B, T, K, C, H, W] each object's colour, not multiplied by its mask; 0 where the mask is 0"""
        color, mask = self.layers[:, :, :, :-2], self.layers[:, :, :, -2:-1]
        return self.windows.lay((color / mask.clamp(min=1e-3)).clamp(0, 1))

    @property
    def alpha(self) -> Tensor:
        """[B, T, K, H, W] visibility after occlusion"""
        return self.windows.lay(self.layers[:, :, :, -1])

    @property
    def mask(self) -> Tensor:
        """[B, T, K, H, W] shape before occlusion"""
        return self.windows.lay(self.layers[:, :, :, -2])

    def segmentation(self) -> Tensor:
        """[B, T, H, W] integer ids: 0 background, k + 1 slot k, whichever shows most."""
        alpha = self.alpha
        most = 1 - alpha.sum(2)
        ids = torch.zeros_like(most, dtype=torch.long)
        for k, share in enumerate(alpha.unbind(2), 1):  # an argmax over this axis takes five times as long
            ids, most = torch.where(share > most, k, ids), torch.maximum(most, share)
        return ids
