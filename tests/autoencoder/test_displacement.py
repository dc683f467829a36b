"""Smooth pictures that are displaced by known fields."""

import pytest
import torch

from pipeline.autoencoder.displacement import DisplacementCode, Seen, num_cosines

HEIGHT, WIDTH = 24, 32


def pictures(num: int, num_channels: int = 3) -> torch.Tensor:
    """Smooth noise in [0, 1], [num, num_channels, HEIGHT, WIDTH]."""
    coarse = torch.rand(num, num_channels, 8, 10, generator=torch.Generator().manual_seed(0))
    return torch.nn.functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)


def a_code(dim: int = 6) -> DisplacementCode:
    """Whose numbers stand for fields of some cosines, 0.5 px strong."""
    code = DisplacementCode(HEIGHT, WIDTH, dim, 4)
    components = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(1))).Q
    code.fit(components, torch.full((24,), 0.25))
    return code


def test_cosines_are_as_dense_along_either_side():
    assert num_cosines(96, 128, 8) == (6, 8) and num_cosines(128, 72, 8) == (8, 5) and num_cosines(64, 64, 4) == (4, 4)


@pytest.mark.parametrize("height, width", [(HEIGHT, WIDTH), (WIDTH, HEIGHT), (9, 5)])
def test_sums_of_products_of_two_cosines(height, width):
    code = DisplacementCode(height, width, 0, 4)
    weight = torch.rand(3, height, width, generator=torch.Generator().manual_seed(4))
    wanted = torch.einsum("jp,np,kp->njk", code.cosines, weight.flatten(1), code.cosines)
    torch.testing.assert_close(code._products(weight), wanted, atol=1e-3, rtol=1e-5)


def test_the_field_that_displaced_a_picture_is_found():
    code, picture = a_code(), pictures(5)
    wanted = torch.randn(5, 6, generator=torch.Generator().manual_seed(2))
    shown = code.drawn(wanted, picture)
    found = code.encode(Seen(shown, picture))
    left, was = (shown - code.drawn(found, picture)).square().mean(), (shown - picture).square().mean()
    assert left < 0.02 * was
    assert (code.field(found) - code.field(wanted)).abs().mean() < 0.3 * code.field(wanted).abs().mean()


def test_what_is_not_displaced_stays_and_nothing_gets_worse():
    code, picture = a_code(), pictures(4)
    assert code.encode(Seen(picture, picture)).abs().max() == 0
    other = pictures(8)[4:]  # nothing that a displacement explains
    found = code.encode(Seen(other, picture))
    before, after = ((other - x).square().sum((1, 2, 3)) for x in (picture, code.drawn(found, picture)))
    assert (after <= before).all()


def test_each_picture_is_as_if_it_were_alone():
    code, picture = a_code(), pictures(5)
    seen = Seen(code.drawn(torch.ones(5, 6), picture), picture, free=torch.ones(5, 1, HEIGHT, WIDTH))
    together = code.encode(seen)
    code.at_once = 2
    torch.testing.assert_close(code.encode(seen), together)
    torch.testing.assert_close(code.encode(seen.map(lambda x: x[3:4])), together[3:4])
    assert code.encode(seen.map(lambda x: x[:0])).shape == (0, 6)


def test_places_that_show_something_else_say_nothing():
    code, picture = a_code(), pictures(1)
    shown, free = picture.clone(), torch.ones(1, 1, HEIGHT, WIDTH)
    shown[..., :12, :], free[..., :12, :] = 1 - shown[..., :12, :], 0
    assert code.encode(Seen(shown, picture, free=free)).abs().max() == 0
    assert code.encode(Seen(shown, picture)).abs().max() > 0


@pytest.mark.parametrize("dim", [0, 24, 30])
def test_of_any_width(dim):
    code, picture = DisplacementCode(HEIGHT, WIDTH, dim, 4), pictures(2)
    found = code.encode(Seen(picture.flip(0), picture))
    assert found.shape == (2, min(dim, 24)) == (2, len(code.scale))
    assert code.drawn(found, picture).shape == picture.shape


def test_all_cosines_hold_what_the_components_say():
    code, picture = a_code(24), pictures(3)
    wanted = torch.randn(3, 24, generator=torch.Generator().manual_seed(3))
    seen = Seen(code.drawn(wanted, picture), picture)
    torch.testing.assert_close(code.numbers(seen), code.encode(seen) * 0.5 @ code.components, atol=1e-3, rtol=0)


def test_components_of_which_training_showed_nothing_stay_0():
    code, picture = a_code(), pictures(2)
    code.fit(torch.eye(24), torch.tensor([0.25, 0.0]).repeat_interleave(torch.tensor([3, 21])))
    found = code.encode(Seen(picture.flip(0), picture))
    assert found[:, :3].abs().max() > 0 and found[:, 3:].abs().max() == 0
