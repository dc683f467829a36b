import math

import pytest
import torch

from pipeline.autoencoder import spatial_transform
from pipeline.autoencoder.compositing import composite
from pipeline.autoencoder.windows import around, around_patches, indexed, pieces
from pipeline.latents import pose

H, W, P = 24, 32, 6


def matrices(*patches: tuple[float, float, float], turn: float = 0.0) -> torch.Tensor:
    """[1, 1, K, 2, 3] of patches (x, y px, px per sample), turned by so many degrees."""
    places = torch.tensor([[[patch[:2] for patch in patches]]])
    matrix = pose.matrix(places, torch.tensor([[[patch[2] for patch in patches]]]))
    angle = math.radians(turn)
    turned = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return torch.cat([matrix[..., :2] @ turned, matrix[..., 2:]], -1)


SMALL = (10.3, 11.8, 0.9), (20.0, 8.5, 1.3)
AT_EDGES = (0.4, 23.9, 1.0), (40.0, 3.0, 0.7), (-9.0, 12.0, 1.2)


def test_crops_are_what_the_frame_shows_there_and_lie_in_it_wherever_their_objects_are():
    image = torch.rand(1, 1, 3, H, W)
    windows = around(torch.tensor([[[[10.0, 12.0], [-5.0, 40.0]]]]), 3.0, H, W)
    crops, (h, w) = windows.crop(image), windows.size
    assert (h, w) == (7, 7) and crops.shape == (1, 1, 2, 3, 7, 7)
    assert torch.equal(crops[0, 0, 0], image[0, 0, :, 9:16, 7:14])
    assert torch.equal(crops[0, 0, 1], image[0, 0, :, H - 7:, :7])
    assert torch.equal(windows.crop(image.clone().requires_grad_()), crops)  # which is read another way
    assert torch.equal(windows.crop_own(image[:, :, :2]), torch.stack([crops[:, :, 0, 0], crops[:, :, 1, 1]], 2))


def test_pieces_are_the_same_however_a_device_takes_them():
    images, which = torch.rand(4, 3, H, W)[:, :, :, 2:], torch.tensor([[0], [3]])
    corner = torch.tensor([[[0, 0], [W - 7, H - 5]], [[3, 8], [1, H - 5]]])
    found = pieces(images, which, corner, (5, 5))
    assert torch.equal(found, indexed(images, which, corner, (5, 5))) and found.shape == (2, 2, 3, 5, 5)
    assert torch.equal(found[1, 0], images[3, :, 8:13, 3:8])
    assert torch.equal(pieces(images[:, 1], which, corner, (5, 5)), found[:, :, 1])
    assert torch.equal(pieces(images[:, :, None], which, corner, (5, 5)), found[:, :, :, None])


def test_what_is_laid_is_zero_around_its_window_and_totals_add_up():
    windows = around(torch.tensor([[[[10.0, 12.0], [12.0, 12.0]]]]), 3.0, H, W)
    pictures = torch.rand(1, 1, 2, 4, *windows.size)
    laid = windows.lay(pictures)
    assert laid.shape == (1, 1, 2, 4, H, W)
    torch.testing.assert_close(laid.sum((-1, -2)), pictures.sum((-1, -2)))
    torch.testing.assert_close(windows.total(pictures), laid.sum(2))
    assert torch.equal(windows.crop_own(laid[:, :, :, 0]), pictures[:, :, :, 0])


def test_an_overlap_shows_what_another_slot_draws_into_a_window():
    centre = torch.tensor([[[[10.0, 12.0], [13.0, 8.0], [25.0, 20.0]]], [[[3.0, 3.0], [30.0, 20.0], [5.0, 1.0]]]])
    windows = around(centre, 3.0, H, W)
    pictures = torch.rand(2, 1, 3, *windows.size)
    laid, found = windows.lay(pictures), []
    for overlap in windows.overlaps:
        wanted = overlap.of_own(windows.crop(laid[:, :, overlap.other, None])[:, :, :, 0])
        assert torch.equal(overlap.of_other(pictures), wanted)
        colors = torch.stack([pictures, 1 + pictures], 3)
        inside = overlap.of_other(torch.ones_like(pictures))
        assert torch.equal(overlap.of_other(colors), torch.stack([wanted, inside + wanted], 1))
        found += [(clip, slot, overlap.other) for clip, slot in zip(overlap.clip.tolist(), overlap.slot.tolist(),
                                                                   strict=True)]
    assert sorted(found) == [(0, 0, 1), (0, 1, 0), (1, 0, 2), (1, 2, 0)]


def test_overlaps_of_whole_frames_show_all_of_the_other_and_can_be_changed():
    pictures = torch.rand(1, 2, 2, 3, H, W)
    first, second = around(torch.full((1, 2, 2, 2), 5.0), math.inf, H, W).overlaps
    assert torch.equal(first.of_other(pictures), pictures[0, :, 0])
    assert torch.equal(first.of_own(pictures), pictures[0, :, 1])
    changed = pictures.clone()
    second.put(changed, 1 - second.of_own(changed))
    assert torch.equal(changed[:, :, 0], 1 - pictures[:, :, 0]) and torch.equal(changed[:, :, 1], pictures[:, :, 1])


@pytest.mark.parametrize("radius", [3.0, math.inf])
def test_the_greatest_of_what_windows_hold_is_that_of_their_frames(radius):
    windows = around(torch.tensor([[[[10.0, 12.0], [13.0, 8.0]]]]), radius, H, W)
    pictures = torch.rand(1, 1, 2, *windows.size)
    assert torch.equal(windows.greatest(pictures), windows.lay(pictures).amax(2))


@pytest.mark.parametrize("patches", [SMALL, AT_EDGES], ids=["inside", "at the edges"])
@pytest.mark.parametrize("turn", [0.0, 35.0])
def test_windows_hold_all_that_patches_are_drawn_to_and_cut_from(patches, turn):
    matrix = matrices(*patches, turn=turn)
    windows = around_patches(matrix, P, H, W)
    assert windows.size[0] * windows.size[1] < H * W / 2
    patch = torch.rand(1, len(patches), 3, P, P)
    whole = spatial_transform.paste(patch, matrix[:, 0], H, W)
    within = spatial_transform.paste(patch, windows.within(matrix)[:, 0], *windows.size)
    torch.testing.assert_close(windows.lay(within[:, None])[:, 0], whole, atol=1e-5, rtol=1e-4)
    image = torch.rand(1, 1, 3, H, W)
    cut = spatial_transform.cut(image[:, 0], matrix[:, 0], P)
    crops, inside = windows.crop(image).flatten(0, 2), windows.within(matrix).flatten(0, 2)[:, None]
    torch.testing.assert_close(spatial_transform.cut(crops, inside, P)[:, 0], cut[0], atol=1e-5, rtol=1e-4)


def test_frames_and_gradients_are_those_of_whole_frames():
    """Of two objects that overlap."""
    matrix, depth = matrices((10.0, 12.0, 0.9), (13.0, 11.0, 1.1)), torch.tensor([[0.7, -0.4]])
    background, wanted = torch.rand(1, 1, 3, H, W), torch.rand(1, 1, 3, H, W)
    patch = torch.rand(1, 2, 4, P, P, generator=torch.Generator().manual_seed(0))
    found = []
    for windows in (around_patches(matrix, P, H, W), around(matrix[..., 2], math.inf, H, W)):
        own = patch.clone().requires_grad_()
        drawn = spatial_transform.paste(own, windows.within(matrix)[:, 0], *windows.size)[:, None]
        frames, alpha = composite(background, drawn[:, :, :, :3], drawn[:, :, :, 3], depth, windows)
        (frames * wanted).sum().backward()
        found.append((frames, windows.lay(alpha), own.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_large_objects_and_those_without_a_place_have_whole_frames():
    assert around_patches(matrices((10.0, 12.0, 5.0)), P, H, W).size == (H, W)
    assert around_patches(matrices((10.0, 12.0, 1.0)).to("meta"), P, H, W).size == (H, W)
