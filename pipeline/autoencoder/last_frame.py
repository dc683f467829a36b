"""What the layers leave over of the last given frame, carried into the future along with the layer that it lies on.

With it the layers draw the last given frame exactly. From there on an object takes along what its picture lacks. What
the background lacks stays where it is, or pans with the camera. How long that stays true is for the mix to say.

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
    """What share of every pixel shows each object [..., K, height, width] and the background [..., height, width]: 1
    together, even where drawn masks go a little beyond 1."""
    total = alpha.sum(-3)
    return alpha / total.clamp(min=1).unsqueeze(-3), (1 - total).clamp(min=0)


def _carried(left: Tensor, share: Tensor, back: Tensor, shows: Tensor) -> Tensor:
    """One layer's part of what is left over, carried along with it: [B, H, C, height, width]. left [C, height, width]:
    what is left over of the last frame; share [height, width] and shows [B, H, height, width]: how much of each pixel
    shows that layer, in the last frame and in future ones; back [B, H, 2, 3]: from px of these to px of the last
    frame."""
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
