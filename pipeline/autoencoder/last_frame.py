"""What the layers leave over of the last given frame, carried into the future along with the layer that it lies on.

Drawn with it, the last given frame is that frame itself; from there on an object takes along what its picture lacks,
and the background keeps, or pans with the camera, what it lacks. How long that stays true is for the mix to say.

Legend: B futures of one clip, H steps, K slots, C channels, height and width px.
"""

import torch
from torch import Tensor

from pipeline.autoencoder import camera
from pipeline.autoencoder.spatial_transform import warp
from pipeline.latents import pose
from pipeline.latents.decoded import Decoded
from pipeline.latents.latents import Latents
from pipeline.thresholds import PRESENT

SCARCE = 1e-3
"""Share of a pixel below which a layer does not show there."""


def carried_remainder(
    frame: Tensor, last: Latents, shown: Decoded, future: Latents, drawn: Decoded, patch_px: float,
) -> Tensor:
    """[B, H, C, height, width] to be added to the `drawn` layers of `future` latents.

    frame [C, height, width]: the last given one, in [0, 1]; `last` its latents and `shown` what they draw, both of one
    clip and one frame; patch_px: side of a patch at log_scale 0, px.
    """
    left = frame - shown.frames[0, 0]
    (alpha, ground), (later, later_ground) = _shares(shown.alpha[0, 0]), _shares(drawn.alpha)
    total = torch.zeros_like(drawn.frames)
    back = _camera_back(last, future, frame.shape[-2:])
    total += _carried(left, ground, back, later_ground)
    before = pose.matrix_of(last.pose[0, 0], 1, patch_px)
    after = pose.inverse(pose.matrix_of(future.pose, 1, patch_px))
    for k in (last.presence[0] > PRESENT).nonzero()[:, 0].tolist():
        total += _carried(left, alpha[k], pose.after(before[k], after[:, :, k]), later[:, :, k])
    return total


def _shares(alpha: Tensor) -> tuple[Tensor, Tensor]:
    """What objects [..., K, height, width] and background [..., height, width] show of every pixel: 1 together. Drawn
    masks may go a little beyond 1."""
    total = alpha.sum(-3)
    return alpha / total.clamp(min=1).unsqueeze(-3), (1 - total).clamp(min=0)


def _carried(left: Tensor, share: Tensor, back: Tensor, shows: Tensor) -> Tensor:
    """[B, H, C, height, width] of what is left over [C, height, width] and lies on a layer by its share
    [height, width], where that layer shows [B, H, height, width]; back [B, H, 2, 3] leads to the last frame, px."""
    picture = torch.cat([left * share, share[None]])
    moved = warp(picture.expand(back.shape[0] * back.shape[1], *picture.shape), back.flatten(0, 1))
    moved = moved.unflatten(0, back.shape[:2])
    return moved[:, :, :-1] * (shows[:, :, None] / moved[:, :, -1:].clamp(min=SCARCE)).clamp(0, 1)


def _camera_back(last: Latents, future: Latents, size: torch.Size) -> Tensor:
    """[B, H, 2, 3] from px of a future frame to px of the last given one, where both show the same of the canvas (see
    `pipeline.autoencoder.camera`)."""
    back = camera.matrix(camera.after(camera.inverse(last.camera[:1, :1]), future.camera))
    middle = back.new_tensor([[size[1]], [size[0]]]) / 2
    return torch.cat([back[..., :2], back[..., 2:] + middle - back[..., :2] @ middle], -1)
