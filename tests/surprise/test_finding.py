"""Plain squares of 6 px on a grey frame, in patches of 8 samples at a pixel each."""

import pytest
import torch
from torch import Tensor

from pipeline.surprise.finding import Found, find

H, W, P = 32, 40, 8
RED, BLUE = (0.9, 0.1, 0.1), (0.1, 0.1, 0.9)


def picture(color: tuple[float, float, float]) -> Tensor:
    mask = torch.zeros(1, P, P)
    mask[:, 1:-1, 1:-1] = 1
    return torch.cat([torch.tensor(color)[:, None, None] * mask, mask])


def frame(*squares: tuple[tuple[float, float, float], int, int]) -> Tensor:
    """Squares of a colour with their middles at (x, y)."""
    shown = torch.full((3, H, W), 0.5)
    for color, x, y in squares:
        shown[:, y - 3:y + 3, x - 3:x + 3] = torch.tensor(color)[:, None, None]
    return shown


def search(shown: Tensor, objects: list[tuple[tuple[float, float, float], float, float]], sigma: float = 1.0) -> Found:
    """Objects of a colour, forecast around (x, y) px, the last one the nearest."""
    expected = torch.tensor([[x, y] for _, x, y in objects])
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    apart = (torch.stack([x, y], -1) - expected[:, None, None]).square().sum(-1)
    eye = torch.tensor([[1.0, 0, 0], [0, 1, 0]]).expand(1, len(objects), 2, 3)
    return find(
        shown[None], torch.full((1, 3, H, W), 0.5), torch.stack([picture(color) for color, *_ in objects])[None], eye,
        torch.arange(float(len(objects))), -apart[None] / (2 * sigma**2), expected[None],
    )


@pytest.mark.parametrize("x, y", [(15, 12), (16, 11), (34, 24)])
def test_an_object_is_found_near_or_far_from_where_it_was_forecast(x, y):
    found = search(frame((RED, x, y)), [(RED, 15, 12)])
    assert found.found.all() and not found.hidden.any()
    torch.testing.assert_close(found.place[0, 0], torch.tensor([x, y]).float(), atol=0.6, rtol=0)
    assert found.left.abs().max() < 0.35 and found.cleared.item() == 0


@pytest.mark.parametrize("x, y", [(17, 12), (13, 15), (18, 9)])
def test_a_sure_forecast_does_not_draw_an_object_to_itself(x, y):
    found = search(frame((RED, x, y)), [(RED, 15, 12)], sigma=0.3)
    torch.testing.assert_close(found.place[0, 0], torch.tensor([x, y]).float(), atol=0.6, rtol=0)


def test_objects_that_look_alike_are_told_apart_by_their_forecasts():
    found = search(frame((RED, 12, 16), (RED, 24, 16)), [(RED, 24.5, 16), (RED, 11.5, 16)])
    torch.testing.assert_close(found.place[0, :, 0], torch.tensor([24.0, 12]), atol=0.6, rtol=0)


def test_an_object_that_is_gone_leaves_the_background():
    found = search(frame((BLUE, 30, 20)), [(RED, 12, 12), (BLUE, 30, 20)])
    assert found.found.tolist() == [[False, True]] and found.cleared[0, 0] > 0.95
    assert found.place[0, 0].tolist() == [12, 12]


def test_an_object_of_another_colour_is_neither_found_nor_gone():
    found = search(frame(((0.1, 0.9, 0.1), 12, 12)), [(RED, 12, 12)])
    assert not found.found.any() and found.cleared.item() < 0.1 and found.misfit.item() > 0.2


def test_of_a_covered_object_nothing_is_said():
    found = search(frame((BLUE, 12, 12)), [(RED, 12, 12), (BLUE, 12, 12)])
    assert found.hidden.tolist() == [[True, False]] and found.found.tolist() == [[False, True]]


def test_without_objects_everything_is_left_over():
    found = find(frame((RED, 12, 12))[None], torch.full((1, 3, H, W), 0.5), torch.zeros(1, 0, 4, P, P),
                 torch.zeros(1, 0, 2, 3), torch.zeros(0), torch.zeros(1, 0, H, W), torch.zeros(1, 0, 2))
    assert found.place.shape == (1, 0, 2) and found.left.abs().amax() > 0.3
