import math

import torch

from pipeline.autoencoder.compositing import composite, front, uncovered, uncovered_within
from pipeline.autoencoder.windows import Windows, around


def whole(mask: torch.Tensor) -> Windows:
    """Windows that are the frames of mask [B, T, K, H, W]."""
    return around(torch.zeros(*mask.shape[:3], 2), math.inf, *mask.shape[-2:])


def test_front_is_antisymmetric_and_even_where_nothing_is_known():
    before = front(torch.tensor([[0.0, 8.0, 0.0]]))
    torch.testing.assert_close(before + before.transpose(1, 2), torch.ones(1, 3, 3))
    assert before[0, 0, 1] > 0.99 and before[0, 0, 2] == 0.5


def test_nearer_object_covers_the_other():
    mask = torch.zeros(1, 1, 2, 4, 4)
    mask[0, 0, 0, :, :3] = 1
    mask[0, 0, 1, :, 1:] = 1
    color = mask[:, :, :, None] * torch.tensor([0.2, 0.8]).view(1, 1, 2, 1, 1, 1)
    background = torch.full((1, 1, 1, 4, 4), 0.5)
    frames, alpha = composite(background, color, mask, torch.tensor([[20.0, 0.0]]), whole(mask))
    torch.testing.assert_close(frames[0, 0, 0, 0], torch.tensor([0.2, 0.2, 0.2, 0.8]))
    torch.testing.assert_close(alpha[0, 0, :, 0], torch.tensor([[1.0, 1, 1, 0], [0, 0, 0, 1]]))


def test_layers_never_show_more_than_everything():
    mask, depth = torch.rand(3, 2, 4, 5, 5), torch.randn(3, 4) * 3
    color = torch.rand(3, 2, 4, 1, 5, 5) * mask[:, :, :, None]
    frames, alpha = composite(torch.rand(3, 2, 1, 5, 5), color, mask, depth, whole(mask))
    assert (alpha >= 0).all() and (alpha <= mask + 1e-6).all()
    assert (uncovered_within(whole(mask), mask, depth) <= 1).all() and torch.isfinite(frames).all()


def test_what_is_uncovered_is_the_same_in_windows_as_in_whole_frames():
    centre = 6 + 12 * torch.rand(2, 3, 4, 2, generator=torch.Generator().manual_seed(0))
    windows, depth = around(centre, 3.0, 24, 24), torch.tensor([[0.3, -2.0, 0.0, 1.0], [0.0, 0.0, 4.0, 1.0]])
    mask = torch.rand(2, 3, 4, *windows.size, generator=torch.Generator().manual_seed(1))
    assert windows.size != (24, 24)
    within = uncovered(windows, mask, depth)
    torch.testing.assert_close(within, uncovered_within(windows, windows.lay(mask), depth))
    assert (within < 1).any() and (within == 1).any()


def test_no_object_leaves_the_background():
    background = torch.rand(1, 2, 3, 4, 4)
    mask = torch.zeros(1, 2, 2, 4, 4)
    frames, _ = composite(background, torch.zeros(1, 2, 2, 3, 4, 4), mask, torch.zeros(1, 2), whole(mask))
    torch.testing.assert_close(frames, background)
