"""Parts of the predictors' networks.

Legend: B batch, K slots.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional


class SlotLayer(nn.Module):
    """A transformer's layer: slots attend to one another, then each takes a step on its own. What either finds is added
    to its input."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.norm_attention, self.norm_step = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.mix = nn.Linear(width, width)
        self.step = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))

    def forward(self, objects: Tensor, bias: Tensor) -> Tensor:
        """objects [B, K, width]; bias [B, 1, 1, K] is added to the attention paid to each."""
        heads = self.query_key_value(self.norm_attention(objects)).unflatten(-1, (3, self.num_heads, -1))
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias.to(query.dtype))
        objects = objects + self.mix(seen.transpose(1, 2).flatten(2))
        return objects + self.step(self.norm_step(objects))


class Normalise(nn.Module):
    """Standardises features [..., D] by their mean and spread over the training split. A feature that never varied
    there is always 0, and none goes beyond 10 spreads."""

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, num_features: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(num_features))
        self.register_buffer("inverse_std", torch.ones(num_features))

    def fit(self, features: Tensor) -> None:
        """features [N, D]."""
        std = features.std(0, correction=0)
        self.mean.copy_(features.mean(0))
        self.inverse_std.copy_(torch.where(std > 1e-5, 1 / std.clamp(min=1e-5), 0.0))

    def forward(self, features: Tensor) -> Tensor:
        return ((features - self.mean) * self.inverse_std).clamp(-10, 10)
