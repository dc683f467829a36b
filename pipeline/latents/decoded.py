"""What latents are decoded to, as those see it who judge and draw it: no matter by which model."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from pipeline.latents.latents import Latents


class Decoded(Protocol):
    """Of B clips of T frames: frames and background [B, T, C, H, W], objects [B, T, K, C, H, W] in [0, 1]; mask [B, T,
    K, H, W] is an object's shape before occlusion, alpha its visibility after it; segmentation int [B, T, H, W]."""

    @property
    def frames(self) -> Tensor: ...

    @property
    def background(self) -> Tensor: ...

    @property
    def objects(self) -> Tensor: ...

    @property
    def mask(self) -> Tensor: ...

    @property
    def alpha(self) -> Tensor: ...

    def segmentation(self) -> Tensor: ...


Decode = Callable[[Latents], Decoded]
