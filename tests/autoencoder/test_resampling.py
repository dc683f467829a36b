import pytest
import torch

from pipeline.autoencoder.resampling import spaced, weights


def test_places_lie_around_their_middle():
    assert spaced(torch.tensor([3.0, 4.0]), torch.tensor([1.0, 2.0]), 3).tolist() == [[2, 3, 4], [2, 4, 6]]


def test_places_between_pixels_mix_their_neighbours():
    read = weights(torch.tensor([0.5, 1.25]), torch.tensor(1.0), 3)
    assert read.tolist() == [[1, 0, 0], [0.25, 0.75, 0]]


def test_past_its_end_a_line_shows_nothing_or_goes_on():
    places = torch.tensor([-2.0, 0.25])
    assert weights(places, torch.tensor(1.0), 2).tolist() == [[0, 0], [0.75, 0]]
    assert weights(places, torch.tensor(1.0), 2, edge_goes_on=True).tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("step", [0.5, 1.0, 1.7, 3.0])
def test_coarse_places_average_all_pixels_between_them(step):
    places = spaced(torch.tensor(20.0), torch.tensor(step), 8)
    read = weights(places, torch.tensor(step), 40, edge_goes_on=True)
    torch.testing.assert_close(read.sum(-1), torch.ones(8))
    assert torch.equal(read > 0, (places[:, None] - torch.arange(40) - 0.5).abs() < max(step, 1))
