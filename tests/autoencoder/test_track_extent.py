import pytest
import torch

from pipeline.autoencoder.track_extent import extent
from tests.autoencoder.clips import line

WIDTH, H, W = 8.0, 40, 48


def evidence_of(*boxes):
    """[1, T, H, W]: 1 inside boxes, each a middle [T, 2] and its sides (x, y)."""
    y, x = torch.meshgrid(torch.arange(H) + 0.5, torch.arange(W) + 0.5, indexing="ij")
    shown = torch.zeros(len(boxes[0][0]), H, W)
    for middle, (wide, high) in boxes:
        near = (middle[:, 0, None, None] - x).abs() < wide / 2
        shown[near & ((middle[:, 1, None, None] - y).abs() < high / 2)] = 1
    return shown[None]


@pytest.mark.parametrize("sides, size", [((8, 8), 1.0), ((10, 12), 1.0), ((20, 20), 2.5), ((12, 27), 2.25)])
def test_the_size_of_what_moves_as_a_multiple_of_a_typical_object(sides, size):
    track = line((12, 16), (1.5, 0.5), 12)
    found, middle = extent(evidence_of((track, sides)), track[None], WIDTH)
    assert found.item() == pytest.approx(size, rel=0.08)
    assert middle.abs().max() <= 1


def test_the_way_to_the_middle_of_an_object_whose_track_follows_a_corner():
    track = line((12, 16), (1.5, 0.5), 12)
    found, middle = extent(evidence_of((track, (20, 20))), (track + torch.tensor([6.0, -5.0]))[None], WIDTH)
    torch.testing.assert_close(middle, torch.tensor([[-6.0, 5.0]]), atol=1.0, rtol=0)
    assert found.item() == pytest.approx(2.5, rel=0.08)


def test_what_it_passes_by_is_not_its_own():
    track, resting = line((8, 16), (2.0, 0), 14).float(), torch.tensor([20.0, 24.0]).expand(14, 2)
    found, middle = extent(evidence_of((track, (8, 8)), (resting, (16, 8))), track[None], WIDTH)
    assert found.item() == 1 and (middle == 0).all()


def test_what_rests_has_no_size_of_its_own():
    """Before a known scene, where its neighbours rest as well."""
    track = torch.tensor([20.0, 20.0]).expand(14, 2)
    found, _ = extent(evidence_of((track, (24, 24))), track[None], WIDTH)
    assert found.item() == 1


def test_clips_do_not_mix():
    large, small = line((12, 16), (1.5, 0.5), 12), line((30, 30), (-1.5, -1), 12)
    moving = torch.cat([evidence_of((large, (20, 20))), evidence_of((small, (8, 8)))])
    sizes, _ = extent(moving, torch.stack([large, small]), WIDTH)
    assert sizes[0] > 2 and sizes[1] == 1
