"""Walls inside the frame's edges, from which tracks come back.

Legend: [...] any axes, H horizon, P pose components.
"""

import torch
from torch import Tensor

from pipeline.latents.latents import LatentSpec

MARGIN_BIAS = -1.5
"""Training starts with walls about a tenth of the frame's size inside its edges."""


def fold(track: Tensor, walls: Tensor, turning_point: Tensor, spec: LatentSpec) -> Tensor:
    """Lets tracks [..., H, P - 1] come back from walls.

    walls [..., 3]: logits of their distances in x and y from the edges (of half the frame) and of the share of the way back
    that is taken: 0 goes on through the wall. turning_point [..., 2]: the point that reaches as far to the left as to the
    right and as far up as down when the object turns back, px from its place.
    """
    frame_size = track.new_tensor([spec.width, spec.height])
    low = walls[..., None, :2].sigmoid() * frame_size / 2
    share = walls[..., None, 2:].sigmoid()
    place = track[..., :2] + turning_point[..., None, :]
    way_back = 2 * torch.relu(low - place) - 2 * torch.relu(place - (frame_size - low))
    return torch.cat([track[..., :2] + share * way_back, track[..., 2:]], -1)
