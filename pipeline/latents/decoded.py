"""What latents are decoded to, as those see it who judge and draw it: no matter by which model."""

from collections.abc import Callable
from typing import Protocol

from torch import Tensor

from pipeline.latents.latents import Latents


class Decoded(Protocol):
    """What B clips of T frames are decoded to: frames and background [B, T, C, H, W] and objects [B, T, K, C, H, W] in
    [0, 1]; mask [B, T, K, H, W], an object's shape before occlusion, and alpha, what shows of it after that;
    segmentation int [B, T, H, W]; displacement [B, T, 2, H, W], px, by which frames show something beside where the
    layers draw it, None where nothing is said of that."""

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

    @property
    def displacement(self) -> Tensor | None: ...

    def segmentation(self) -> Tensor: ...


Decode = Callable[[Latents], Decoded]
