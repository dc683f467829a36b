import torch

from pipeline.autoencoder.spatial_transform import cut, paste


def test_cut_at_pixel_centres_copies_the_pixels():
    image = torch.rand(2, 3, 12, 10)
    patch = cut(image, torch.tensor([[[5.0, 6.0]], [[4.0, 7.0]]]), torch.ones(2, 1), patch_dim=4)
    torch.testing.assert_close(patch[0, 0], image[0, :, 4:8, 3:7])
    torch.testing.assert_close(patch[1, 0], image[1, :, 5:9, 2:6])


def test_cut_outside_the_frame_is_zero():
    patch = cut(torch.ones(1, 1, 8, 8), torch.tensor([[[0.0, 4.0]]]), torch.ones(1, 1), patch_dim=4)
    assert (patch[..., :2] == 0).all() and (patch[..., 2:] == 1).all()


def test_paste_puts_a_patch_where_cut_reads_it():
    patch = torch.rand(1, 2, 3, 6, 6)
    centre, step = torch.tensor([[[7.0, 9.0], [13.0, 5.0]]]), torch.ones(1, 2)
    pictures = paste(patch, centre, step, height=16, width=20)
    for k in range(2):
        again = cut(pictures[:, k], centre[:, k:k + 1], step[:, k:k + 1], patch_dim=6)
        torch.testing.assert_close(again[:, 0], patch[:, k])


def test_half_a_pixel_is_linear_interpolation():
    image = torch.arange(10.0).expand(1, 1, 10, 10)
    patch = cut(image, torch.tensor([[[5.5, 5.0]]]), torch.ones(1, 1), patch_dim=2)
    torch.testing.assert_close(patch[0, 0, 0, 0], torch.tensor([4.5, 5.5]))


def test_shrinking_averages_rather_than_skips():
    stripes = (torch.arange(32) % 2).float().expand(1, 1, 32, 32)
    patch = cut(stripes, torch.tensor([[[16.0, 16.0]]]), torch.full((1, 1), 4.0), patch_dim=4)
    torch.testing.assert_close(patch, torch.full_like(patch, 0.5))


def test_gradient_of_position_points_towards_the_target():
    target = paste(torch.ones(1, 1, 1, 6, 6), torch.tensor([[[11.0, 8.0]]]), torch.ones(1, 1), 16, 20)
    centre = torch.tensor([[[10.0, 8.0]]], requires_grad=True)
    (paste(torch.ones(1, 1, 1, 6, 6), centre, torch.ones(1, 1), 16, 20) - target).square().sum().backward()
    assert centre.grad[0, 0, 0] < 0
