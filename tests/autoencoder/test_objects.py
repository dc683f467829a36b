import torch

from pipeline.autoencoder.objects import AppearanceDecoder, AppearanceEncoder


def test_pictures_are_a_mask_and_colour_no_brighter_than_it():
    torch.manual_seed(0)
    decoder = AppearanceDecoder(num_channels=3, patch_dim=10, appearance_dim=5, hidden_dim=4)
    pictures = decoder(3 * torch.randn(6, 5))
    assert pictures.shape == (6, 4, 10, 10)
    mask = pictures[:, -1:]
    assert mask.min() >= 0 and mask.max() <= 1 and (pictures[:, :-1] <= mask).all()


def test_a_place_without_an_object_is_empty_and_one_within_is_full():
    decoder = AppearanceDecoder(num_channels=1, patch_dim=8, appearance_dim=2, hidden_dim=4)
    torch.nn.init.zeros_(decoder.components.weight)
    plane = torch.zeros(2, 8, 8)
    plane[:, 2:6, 2:6] = 1
    decoder.components.bias.data.copy_(plane.flatten())
    torch.testing.assert_close(decoder(torch.randn(3, 2)), plane.expand(3, 2, 8, 8))


def test_encoder_starts_as_its_linear_part():
    encoder = AppearanceEncoder(num_channels=3, patch_dim=9, appearance_dim=7, hidden_dim=4)
    pictures = torch.rand(2, 4, 9, 9)
    torch.testing.assert_close(encoder(pictures), encoder.components(pictures.flatten(1)))
