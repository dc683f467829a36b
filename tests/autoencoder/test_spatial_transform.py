import math

import pytest
import torch
from torch import Tensor
from torch.autograd import gradcheck

from pipeline.autoencoder.spatial_transform import cut, paste
from pipeline.latents import pose


def upright(*patches: tuple[float, float, float]) -> Tensor:
    """Matrices [1, K, 2, 3] of (x, y, step) each."""
    x, y, step = torch.tensor(patches).T
    return pose.matrix(torch.stack([x, y], -1), step)[None]


def turned(x: float, y: float, degrees: float, step_x: float = 1.0, step_y: float | None = None) -> Tensor:
    """The matrix [1, 1, 2, 3] of a patch that is turned (clockwise, as y runs down) and then stretched as it lies."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    step_y = step_x if step_y is None else step_y
    return torch.tensor([[[[step_x * c, -step_y * s, x], [step_x * s, step_y * c, y]]]])


def nearly_upright(matrix: Tensor) -> Tensor:
    """The same but for so little shear that only the way of reading changes."""
    return matrix + torch.tensor([[0, 1e-9, 0], [0, 0, 0]])


def smooth(*shape: int) -> Tensor:
    coarse = torch.rand(1, math.prod(shape[:-2]), 3, 3, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, size=shape[-2:], mode="bicubic", align_corners=True).view(shape)


def test_cut_at_pixel_centres_copies_the_pixels():
    image = torch.rand(2, 3, 12, 10)
    patch = cut(image, torch.cat([upright((5, 6, 1)), upright((4, 7, 1))]), patch_dim=4)
    torch.testing.assert_close(patch[0, 0], image[0, :, 4:8, 3:7])
    torch.testing.assert_close(patch[1, 0], image[1, :, 5:9, 2:6])


@pytest.mark.parametrize("matrix", [upright((0, 4, 1)), nearly_upright(upright((0, 4, 1)))], ids=["upright", "sheared"])
def test_cut_outside_the_frame_is_zero(matrix):
    patch = cut(torch.ones(1, 1, 8, 8), matrix, patch_dim=4)
    assert (patch[..., :2] == 0).all() and (patch[..., 2:] == 1).all()


def test_paste_puts_a_patch_where_cut_reads_it():
    patch = torch.rand(1, 2, 3, 6, 6)
    matrix = upright((7, 9, 1), (13, 5, 1))
    pictures = paste(patch, matrix, height=16, width=20)
    for k in range(2):
        torch.testing.assert_close(cut(pictures[:, k], matrix[:, k:k + 1], patch_dim=6)[:, 0], patch[:, k])


def test_half_a_pixel_is_linear_interpolation():
    image = torch.arange(10.0).expand(1, 1, 10, 10)
    patch = cut(image, upright((5.5, 5, 1)), patch_dim=2)
    torch.testing.assert_close(patch[0, 0, 0, 0], torch.tensor([4.5, 5.5]))


@pytest.mark.parametrize("degrees", [0, 30, 90])
def test_shrinking_averages_rather_than_skips(degrees):
    stripes = (torch.arange(32) % 2).float().expand(1, 1, 32, 32)
    patch = cut(stripes, turned(16, 16, degrees, 4), patch_dim=4)
    torch.testing.assert_close(patch, torch.full_like(patch, 0.5), atol=0.03 if degrees == 30 else 1e-4, rtol=0)


def test_gradient_of_position_points_towards_the_target():
    target = paste(torch.ones(1, 1, 1, 6, 6), upright((11, 8, 1)), 16, 20)
    centre = torch.tensor([[[10.0, 8.0]]], requires_grad=True)
    drawn = paste(torch.ones(1, 1, 1, 6, 6), pose.matrix(centre, torch.ones(1, 1)), 16, 20)
    (drawn - target).square().sum().backward()
    assert centre.grad[0, 0, 0] < 0


@pytest.mark.parametrize("step_x, step_y", [(0.5, 0.5), (1.0, 1.0), (0.7, 1.0), (2.0, 2.0), (1.0, 3.0), (2.0, 0.6)])
def test_point_by_point_is_as_by_rows_and_columns(step_x, step_y):
    image, matrix = torch.rand(2, 3, 40, 36), turned(17.3, 21.8, 0, step_x, step_y).expand(2, 2, 2, 3).clone()
    matrix[1, 1, :, 2] += torch.tensor([-9.4, 13.1])  # partly outside
    torch.testing.assert_close(cut(image, nearly_upright(matrix), 8), cut(image, matrix, 8), atol=1e-5, rtol=1e-5)
    matrix[..., :2] = torch.diag_embed(1 / torch.tensor([step_x, step_y]))
    patch = torch.rand(2, 2, 3, 8, 8)
    torch.testing.assert_close(
        paste(patch, nearly_upright(matrix), 40, 36), paste(patch, matrix, 40, 36), atol=1e-5, rtol=1e-5)


def test_patches_side_by_side_are_read_and_drawn_as_if_alone():
    """To the last bit, whichever of them turn."""
    matrix = torch.cat([turned(9, 8, 0, 1.2), turned(11, 10, 30), turned(8, 12, 0), turned(12, 9, -75, 0.7, 1.1)])
    image, patch = torch.rand(4, 2, 20, 22), torch.rand(4, 1, 2, 6, 6)
    for one, together in ((cut(image, matrix, 6), lambda i: cut(image[i:i + 1], matrix[i:i + 1], 6)),
                          (paste(patch, matrix, 20, 22), lambda i: paste(patch[i:i + 1], matrix[i:i + 1], 20, 22))):
        assert all(torch.equal(one[i:i + 1], together(i)) for i in range(4))


def test_what_is_shrunk_by_no_whole_number_keeps_its_light():
    image = smooth(1, 1, 40, 40)
    found = cut(image, turned(20, 20, 25, 2.6), 6)
    exact = cut(torch.nn.functional.avg_pool2d(image, 3, stride=1, padding=1), turned(20, 20, 25, 1.0), 15)
    assert cut(torch.ones_like(image), turned(20, 20, 25, 2.6), 6).sub(1).abs().max() < 1e-5
    torch.testing.assert_close(found.mean(), exact.mean(), atol=0.02, rtol=0)


@pytest.mark.parametrize("step", [1.5, 2.3, 3.4, 5.0, 9.0, 18.0])
@pytest.mark.parametrize("degrees", [0, 30])
def test_a_coarse_place_is_an_average_around_it_as_wide_as_it_is_coarse(step, degrees):
    """Its variance is that of a triangle that reaches to its neighbours, step^2 / 6, wherever between pixels it is."""
    spread = []
    for place in torch.rand(40, 2, generator=torch.Generator().manual_seed(2)):
        image = torch.zeros(1, 1, 90, 92, requires_grad=True)
        x, y = (29 + 32 * place).tolist()
        cut(image, nearly_upright(turned(x, y, degrees, step)), 1).sum().backward()
        weight = image.grad[0, 0]
        off_x, off_y = torch.arange(92) + 0.5 - x, torch.arange(90)[:, None] + 0.5 - y
        assert weight.min() >= 0 and weight.sum().item() == pytest.approx(1, abs=1e-4)
        for off in (off_x, off_y):
            assert (weight * off).sum().abs() < 0.01 + 0.04 * step
            spread.append((weight * off.square()).sum())
    assert torch.stack(spread).mean().item() == pytest.approx(step**2 / 6, rel=0.1)


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_quarter_turns_are_exact(quarters):
    image = torch.rand(1, 2, 9, 9)
    patch = cut(image, turned(4.5, 4.5, 90 * quarters), 9)
    torch.testing.assert_close(patch[:, 0], torch.rot90(image, quarters, (-2, -1)), atol=1e-5, rtol=0)
    picture = paste(image[:, None], turned(4.5, 4.5, 90 * quarters), 9, 9)
    torch.testing.assert_close(picture[:, 0], torch.rot90(image, -quarters, (-2, -1)), atol=1e-5, rtol=0)
    mirrored = pose.matrix(torch.tensor([[[4.5, 4.5]]]), torch.tensor([[-1.0]]))  # half a turn, without rounding
    torch.testing.assert_close(cut(image, mirrored, 9)[:, 0], image.flip(-2, -1))


@pytest.mark.parametrize("matrix", [
    turned(15.2, 12.7, 30), turned(14, 15, 60, 0.8), turned(15, 14, -20, 0.9, 0.6), turned(13.5, 15, 135),
], ids=["turned", "and finer", "and narrow", "far round"])
def test_a_patch_drawn_and_cut_again_is_itself(matrix):
    patch = smooth(1, 1, 2, 18, 18)
    again = cut(paste(patch, matrix, 28, 30)[:, 0], matrix, 18)
    torch.testing.assert_close(again[..., 2:-2, 2:-2], patch[..., 2:-2, 2:-2], atol=0.06, rtol=0)


def test_wide_patches_lie_wide_in_the_frame():
    drawn = paste(torch.ones(1, 1, 1, 8, 8), turned(16, 16, 90, 2.0, 0.5), 32, 32)[0, 0, 0]
    assert (drawn.amax(0) > 0.5).sum() == 4 and (drawn.amax(1) > 0.5).sum() == 16  # x of the patch runs down the frame


def test_a_patch_does_not_depend_on_its_neighbours():
    image, fine, coarse = torch.rand(1, 2, 24, 24), turned(9, 11, 20, 0.9), turned(13, 12, 50, 3.4)
    alone, together = cut(image, fine, 6), cut(image, torch.cat([coarse, fine], 1), 6)
    assert torch.equal(together[:, 1:], alone)


def test_memory_can_be_counted_without_values():
    matrix = upright((7, 9, 1), (13, 5, 1)).to("meta")
    pictures = paste(torch.empty(1, 2, 3, 6, 6, device="meta"), matrix, height=16, width=20)
    assert pictures.shape == (1, 2, 3, 16, 20) and cut(pictures[:, 0], matrix, patch_dim=6).shape == (1, 2, 3, 6, 6)


@pytest.mark.parametrize("step", [0.83, 1.7, 5.3])
def test_gradients_are_those_of_finite_differences(step):
    generator = torch.Generator().manual_seed(1)
    image = torch.rand(2, 1, 9, 11, generator=generator, dtype=torch.double, requires_grad=True)
    matrix = torch.cat([turned(5.13, 4.41, 33, step), turned(4.2, 5.7, -70, 0.91 * step)], 1)
    matrix = matrix.double().repeat(2, 1, 1, 1).requires_grad_()
    assert gradcheck(lambda image, matrix: cut(image, matrix, 3), (image, matrix), fast_mode=True)
    patch = torch.rand(2, 2, 1, 3, 3, generator=generator, dtype=torch.double, requires_grad=True)
    assert gradcheck(lambda patch, matrix: paste(patch, matrix, 9, 11), (patch, matrix), fast_mode=True)
