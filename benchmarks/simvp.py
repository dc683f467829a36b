"""A predictor of convolutions alone, to compare with: trained end to end through the pixels.

After Gao et al. 2022, "SimVP: Simpler yet better video prediction" (arXiv 2206.05099): an encoder of N_S convolutions
on each frame, of which every second halves it; a translator of N_T inception modules on the features of all frames
side by side; a decoder that mirrors the encoder and sees what its first convolution found. Smaller than there: 4
modules of 128 channels, where they take 8 of 512 for Moving MNIST.

Legend: B batch, T frames given and made, C channels, H W frame, S channels of a frame's features, h w their size.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NUM_SPATIAL = 4
"""Convolutions of the encoder, and of the decoder: N_S."""
KERNELS, GROUPS = (3, 5, 7, 11), 8


class SimVP(nn.Module):
    def __init__(
        self, context_frames: int, num_channels: int = 3, frame_dim: int = 16, hidden_dim: int = 128,
        num_modules: int = 4,
    ):
        super().__init__()
        self.encoder = nn.ModuleList(
            _conv(num_channels if i == 0 else frame_dim, frame_dim, 3, halve=i % 2 == 1) for i in range(NUM_SPATIAL)
        )
        widths = [context_frames * frame_dim, *[hidden_dim] * (num_modules - 1), context_frames * frame_dim]
        self.translator = nn.Sequential(
            *(Inception(before, hidden_dim, after) for before, after in zip(widths[:-1], widths[1:], strict=True))
        )
        self.decoder = nn.ModuleList(
            _conv(2 * frame_dim if i == 0 else frame_dim, frame_dim, 3) for i in reversed(range(NUM_SPATIAL))
        )
        self.show = nn.Conv2d(frame_dim, num_channels, 1)

    def forward(self, context: Tensor, horizon: int) -> Tensor:
        """[B, T, C, H, W] in [0, 1], H and W multiples of 4 -> the next frames [B, horizon, C, H, W]; what lies beyond
        T frames it makes of those that it made."""
        made: list[Tensor] = []
        for _ in range(0, horizon, context.shape[1]):
            context = self.next(context).clamp(0, 1)
            made.append(context)
        return torch.cat(made, 1)[:, :horizon]

    def next(self, context: Tensor) -> Tensor:
        """The T frames that follow [B, T, C, H, W], not clamped."""
        x = first = self.encoder[0](context.flatten(0, 1))
        for layer in self.encoder[1:]:
            x = layer(x)
        size = x.shape[1:]
        x = self.translator(x.unflatten(0, context.shape[:2]).flatten(1, 2)).reshape(-1, *size)
        for i, layer in zip(reversed(range(NUM_SPATIAL)), self.decoder, strict=True):
            x = layer(torch.cat([x, first], 1) if i == 0 else x)
            x = F.interpolate(x, scale_factor=2, mode="nearest") if i % 2 == 1 else x
        return self.show(x).unflatten(0, context.shape[:2])


class Inception(nn.Module):
    """[B, D_in, h, w] -> [B, D_out, h, w]: fewer channels, then the sum of grouped convolutions of all kernels."""

    def __init__(self, input_dim: int, hidden_dim: int, output_dim: int):
        super().__init__()
        self.narrow = nn.Conv2d(input_dim, hidden_dim // 2, 1)
        self.branches = nn.ModuleList(_conv(hidden_dim // 2, output_dim, kernel, groups=GROUPS) for kernel in KERNELS)

    def forward(self, x: Tensor) -> Tensor:
        x = self.narrow(x)
        return torch.stack([branch(x) for branch in self.branches]).sum(0)


def simvp_loss(model: SimVP, frames: Tensor, context_frames: int) -> Tensor:
    """Squared error of the forecast of clips [B, T, C, H, W], per pixel and channel; of no more frames than are
    given."""
    target = frames[:, context_frames:2 * context_frames]
    return (model.next(frames[:, :context_frames])[:, :target.shape[1]] - target).square().mean()


def _conv(input_dim: int, output_dim: int, kernel: int, halve: bool = False, groups: int = 1) -> nn.Sequential:
    """Normalised in `groups` groups of channels, or in two where the convolution has no groups."""
    return nn.Sequential(
        nn.Conv2d(input_dim, output_dim, kernel, stride=1 + halve, padding=kernel // 2, groups=groups),
        nn.GroupNorm(max(2, groups), output_dim), nn.LeakyReLU(0.2, inplace=True),
    )
