import torch

from pipeline.autoencoder.tracking import evidence, find_tracks
from tests.autoencoder.clips import line, moving_squares


def test_evidence_is_the_largest_channel_difference_above_the_noise():
    frames, background = torch.full((1, 1, 3, 1, 4), 0.5), torch.full((1, 1, 3, 1, 4), 0.5)
    frames[0, 0, 1, 0] += torch.tensor([0.0, 0.03, 0.08, 0.5])
    torch.testing.assert_close(evidence(frames, background)[0, 0, 0], torch.tensor([0.0, 0.0, 0.45, 1.0]))


def test_tracks_follow_objects_through_their_crossing():
    tracks = torch.stack([line((1, 8), (1.5, 0), 14), line((22, 11), (-1.5, 0), 14)], 1)
    colors = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
    frames, background, _ = moving_squares(tracks, colors, side=7, px=32)
    found = find_tracks(frames, background[None, None].expand_as(frames), num_slots=2)
    for n in range(2):
        slot = (found.color[0] - colors[n]).square().sum(-1).argmin()
        assert (found.centre[0, :, slot] - (tracks[:, n].round() + 3.5)).abs().max() < 1.5


def test_known_colours_tell_slots_apart():
    tracks = torch.stack([line((4, 4), (1, 0), 10), line((4, 20), (1, 0), 10)], 1)
    colors = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.9, 0.9]])
    frames, background, _ = moving_squares(tracks, colors, side=7, px=32)
    for order in ([0, 1], [1, 0]):
        found = find_tracks(frames, background[None, None].expand_as(frames), num_slots=2, hint=colors[None, order])
        torch.testing.assert_close(found.color[0], colors[order], atol=0.1, rtol=0)
