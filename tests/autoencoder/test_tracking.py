import pytest
import torch

from pipeline.autoencoder.tracking import evidence, find_tracks, look_coarsely
from tests.autoencoder.clips import line, moving_squares


def test_evidence_is_the_largest_channel_difference_above_the_noise():
    frames, background = torch.full((1, 1, 3, 1, 4), 0.5), torch.full((1, 1, 3, 1, 4), 0.5)
    frames[0, 0, 1, 0] += torch.tensor([0.0, 0.03, 0.08, 0.5])
    torch.testing.assert_close(evidence(frames, background)[0, 0, 0], torch.tensor([0.0, 0.0, 0.45, 1.0]))


def test_tracks_follow_objects_through_their_crossing():
    tracks = torch.stack([line((1, 8), (1.5, 0), 14), line((22, 11), (-1.5, 0), 14)], 1)
    colors = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
    frames, background, _ = moving_squares(tracks, colors, side=7, px=32)
    found = find_tracks(look_coarsely(frames, background[None, None], object_px=8), num_slots=2)
    for n in range(2):
        slot = (found.color[0] - colors[n]).square().sum(-1).argmin()
        assert (found.centre[0, :, slot] - (tracks[:, n].round() + 3.5)).abs().max() < 1.5


def test_a_gpu_is_waited_for_once(monkeypatch):
    """Whenever a tensor becomes a number of Python."""
    frames, background, _ = moving_squares(line((4, 4), (1, 0), 4)[:, None], torch.tensor([[0.9, 0.1, 0.1]]), px=32)
    cells, waits, as_number = look_coarsely(frames, background[None, None], object_px=8), [], torch.Tensor.__float__
    monkeypatch.setattr(torch.Tensor, "__float__", lambda x: waits.append(x) or as_number(x))
    find_tracks(cells, num_slots=2)
    assert len(waits) == 1


def test_known_colours_tell_slots_apart():
    tracks = torch.stack([line((4, 4), (1, 0), 10), line((4, 20), (1, 0), 10)], 1)
    colors = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
    frames, background, _ = moving_squares(tracks, colors, side=7, px=32)
    for order in ([0, 1], [1, 0]):
        cells = look_coarsely(frames, background[None, None], object_px=8)
        found = find_tracks(cells, num_slots=2, hint=colors[None, order])
        torch.testing.assert_close(found.color[0], colors[order], atol=0.1, rtol=0)


@pytest.mark.parametrize("object_px, side", [(8, 64), (16, 32), (22, 23), (24, 21), (4, 64)])
def test_the_grid_is_as_fine_as_objects_are_small(object_px, side):
    frames = torch.zeros(1, 3, 1, 64, 48)
    frames[..., 30:34, 22:26] = 1
    cells = look_coarsely(frames, torch.zeros_like(frames[:, :1]), object_px)
    assert cells.moving.shape[-2] == side
    x, y = torch.arange(cells.moving.shape[-1]) + 0.5, torch.arange(side) + 0.5
    places = torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)
    middle = (cells.frames[0, 0, 0, ..., None] * places).sum((0, 1)) / cells.frames[0, 0, 0].sum()
    torch.testing.assert_close(middle * cells.cell_px, torch.tensor([24.0, 32.0]), atol=0.5, rtol=0)


@pytest.mark.parametrize("side", [64, 50])
def test_cells_are_means_of_their_pixels(side):
    frames, background = torch.rand(1, 3, 2, side, 48), torch.rand(1, 1, 2, side, 48)
    cells = look_coarsely(frames, background, object_px=12)
    wanted = torch.nn.functional.adaptive_avg_pool2d(frames[0], cells.frames.shape[-2:])
    torch.testing.assert_close(cells.frames[0], wanted)
    assert cells.frames.shape[-1] == 32 and cells.background.shape == (1, 1, 2, *wanted.shape[-2:])


def test_a_thin_stroke_has_its_own_colour_on_the_grid():
    frames = torch.zeros(1, 1, 1, 16, 16)
    frames[..., 5] = 0.9
    cells = look_coarsely(frames, torch.zeros_like(frames), object_px=32)
    assert cells.frames.max() < 0.3
    torch.testing.assert_close(cells.color[cells.moving[:, :, None] > 0].min(), torch.tensor(0.9), atol=0.01, rtol=0)
