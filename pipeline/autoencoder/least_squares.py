"""The linear systems at the end of a Gauss-Newton iteration: small ones, one for each frame or object.

Legend: ... any leading axes, N unknowns.
"""

import torch
from torch import Tensor


def damped(normal: Tensor, ridge: Tensor | float) -> Tensor:
    """Normal equations [..., N, N] with `ridge` [...] on their diagonal: what the data do not tell becomes 0."""
    eye = torch.eye(normal.shape[-1], device=normal.device)
    return normal + torch.as_tensor(ridge, device=normal.device)[..., None, None] * eye


def solve(normal: Tensor, right: Tensor) -> Tensor:
    """The unknowns [..., N] of normal equations [..., N, N] (symmetric) with right side [..., N]; two unknowns in
    closed form, which is faster."""
    if right.shape[-1] != 2:
        return torch.linalg.solve(normal, right)
    (xx, yy), xy = normal.diagonal(dim1=-2, dim2=-1).unbind(-1), normal[..., 0, 1]
    x, y = right.unbind(-1)
    return torch.stack([yy * x - xy * y, xx * y - xy * x], -1) / (xx * yy - xy.square())[..., None]
