"""Pictures of objects (sprites) to appearance codes and back.

Legend: N objects, C channels, P patch side in samples, D appearance size. A picture is C + 1 planes: premultiplied
colour (mask * colour), then the mask. Principal components (set by `initialise`) carry the bulk; convolutions that
start at zero learn the rest, mostly sharp edges.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MASK_SHARPNESS = 8.0
"""A linear map alone would leave masks soft. So the mask is sigmoid(MASK_SHARPNESS * (z - 1/2)) of the decoder's last
plane z."""


class AppearanceEncoder(nn.Module):
    """[N, C + 1, P, P] -> [N, D]"""

    def __init__(self, num_channels: int, patch_dim: int, appearance_dim: int, hidden_dim: int):
        super().__init__()
        self.components = nn.Linear((num_channels + 1) * patch_dim**2, appearance_dim)
        side = -(-patch_dim // 4)
        self.residual = nn.Sequential(
            nn.Conv2d(num_channels + 1, hidden_dim, 4, stride=2, padding=1), nn.SiLU(),
            nn.Conv2d(hidden_dim, hidden_dim, 4, stride=2, padding=1), nn.SiLU(),
            nn.AdaptiveAvgPool2d(side), nn.Flatten(), nn.Linear(hidden_dim * side**2, 128), nn.SiLU(),
            nn.Linear(128, appearance_dim),
        )
        for parameter in self.residual[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, picture: Tensor) -> Tensor:
        return self.components(picture.flatten(1)) + self.residual(picture)


class AppearanceDecoder(nn.Module):
    """[N, D] -> [N, C + 1, P, P]: premultiplied colour and mask, both in [0, 1], colour at most the mask."""

    def __init__(self, num_channels: int, patch_dim: int, appearance_dim: int, hidden_dim: int):
        super().__init__()
        self.shape = (num_channels + 1, patch_dim, patch_dim)
        side = -(-patch_dim // 4)
        self.components = nn.Linear(appearance_dim, (num_channels + 1) * patch_dim**2)
        self.residual = nn.Sequential(
            nn.Linear(appearance_dim, 256), nn.SiLU(), nn.Linear(256, hidden_dim * side**2), nn.SiLU(),
            nn.Unflatten(1, (hidden_dim, side, side)),
            nn.ConvTranspose2d(hidden_dim, hidden_dim, 4, stride=2, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(hidden_dim, hidden_dim, 4, stride=2, padding=1), nn.SiLU(),
        )
        self.combine = nn.Sequential(
            nn.Conv2d(hidden_dim + num_channels + 1, hidden_dim, 3, padding=1), nn.SiLU(),
            nn.Conv2d(hidden_dim, num_channels + 1, 3, padding=1),
        )
        for parameter in self.combine[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, appearance: Tensor) -> Tensor:
        linear = self.components(appearance).view(-1, *self.shape)
        residual = self.residual(appearance)[..., :self.shape[1], :self.shape[2]]
        planes = linear + self.combine(torch.cat([residual, linear], 1))
        mask = _sharpen(planes[:, -1:])
        # a little slope below zero, so that a plane pushed under it can come back
        color = F.leaky_relu(planes[:, :-1], 0.01)
        return torch.cat([torch.minimum(color, mask), mask], 1)


def _sharpen(z: Tensor) -> Tensor:
    """sigmoid(MASK_SHARPNESS * (z - 1/2)), stretched so that 0 stays 0, where no object is, and 1 stays 1."""
    rest = 1 / (1 + math.exp(MASK_SHARPNESS / 2))
    stretched = (torch.sigmoid(MASK_SHARPNESS * (z - 0.5)) - rest) / (1 - 2 * rest)
    return stretched.clamp(0, 1)
