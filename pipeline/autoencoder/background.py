"""Background pictures to codes and back.

Legend: B batch, C channels, H W frame, D code channels, h w blocks down and across (h = ceil(H / BLOCK)). A linear
map per 8x8 block (a principal component analysis, set by `initialise`) plus convolutions that start at zero and learn
what blocks alone cannot say.
"""

import torch.nn.functional as F
from torch import Tensor, nn

BLOCK = 8


def num_blocks(height: int, width: int) -> tuple[int, int]:
    """Blocks down and across that cover a frame."""
    return -(-height // BLOCK), -(-width // BLOCK)


class BackgroundEncoder(nn.Module):
    """[B, C, H, W] -> [B, D h w]"""

    def __init__(self, num_channels: int, code_channels: int):
        super().__init__()
        self.blocks = nn.Conv2d(num_channels, code_channels, BLOCK, stride=BLOCK)

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        padded = F.pad(picture, (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")
        return self.blocks(padded).flatten(1)


class BackgroundDecoder(nn.Module):
    """[B, D h w] -> [B, C, H, W], about [0, 1]"""

    def __init__(self, num_channels: int, code_channels: int, height: int, width: int, hidden_dim: int):
        super().__init__()
        self.code_channels = code_channels
        self.height, self.width = height, width
        self.blocks = nn.ConvTranspose2d(code_channels, num_channels, BLOCK, stride=BLOCK)
        self.residual = nn.Sequential(
            nn.Conv2d(code_channels, hidden_dim, 3, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(hidden_dim, hidden_dim, 4, stride=4), nn.SiLU(),
            nn.Conv2d(hidden_dim, hidden_dim, 3, padding=1), nn.SiLU(),
            nn.ConvTranspose2d(hidden_dim, num_channels, 2, stride=2),
        )
        for parameter in self.residual[-1].parameters():
            nn.init.zeros_(parameter)

    def forward(self, code: Tensor) -> Tensor:
        grid = code.unflatten(1, (self.code_channels, *num_blocks(self.height, self.width)))
        return (self.blocks(grid) + self.residual(grid))[..., :self.height, :self.width]
