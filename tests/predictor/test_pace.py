import numpy as np
import torch

from pipeline.predictor.pace import pace


def test_pace_is_kept_over_turns_whose_frames_go_part_of_the_way():
    x = torch.tensor([1.0, 4, 7, 10, 11, 8, 5])  # from 10 to a wall at 12 and back
    y = torch.full((7,), 3.0)
    track = torch.stack([x, x.flip(0), y], -1)[None].repeat(2, 1, 1)
    torch.testing.assert_close(pace(track)[1], torch.tensor([[3.0, 3, 0]] * 2), atol=1e-3, rtol=0)
    torch.testing.assert_close(pace(track[:, :2])[1], torch.tensor([[3.0, 3, 0]] * 2), atol=1e-3, rtol=0)
    there_and_back = torch.tensor([0.0, 2, 0, 2]).view(1, 4, 1, 1)  # nothing but turns
    torch.testing.assert_close(pace(there_and_back)[1], torch.full((1, 1, 1), 2.0))


def test_pace_is_that_of_least_squares_between_turns():
    noise = 0.1 * torch.randn(10, 2, generator=torch.Generator().manual_seed(0))
    way = torch.tensor([0.0, 3, 6, 9, 12, 11, 8, 5, 2, -1])
    track = torch.stack([way, 1.5 * torch.arange(10)], -1) + noise
    there, back = (np.polyfit(times, track[times, 0], 1)[0] for times in (np.arange(5), np.arange(5, 10)))
    wanted = torch.tensor([(there - back) / 2, np.polyfit(np.arange(10), track[:, 1], 1)[0]], dtype=torch.float)
    torch.testing.assert_close(pace(track[None])[1][0], wanted)


def test_pace_has_led_to_the_end_of_the_last_stretch():
    """Whose noise it evens out."""
    noise = 0.1 * torch.randn(10, 1, generator=torch.Generator().manual_seed(0))
    track = torch.tensor([0.0, 3, 6, 9, 12, 11, 8, 5, 2, -1])[:, None] + noise
    place, speed = (x[0, 0] for x in pace(track[None]))
    times = torch.arange(5, 10)
    torch.testing.assert_close(place, (track[times, 0] + speed * (times - 9)).mean())


def test_places_rounded_to_pixels_are_no_turns_and_rests_do_not_count():
    times = torch.arange(10.0)
    rounded = torch.stack([(0.4 * times).floor(), 3 * times], -1) + 0.02 * (-1) ** times[:, None]
    torch.testing.assert_close(pace(rounded[None])[1][0], torch.tensor([0.4, 3]), atol=0.12, rtol=0)
    rests = torch.stack([torch.tensor([0.0, 2, 4, 6, 6, 6, 6, 8, 10, 12])] * 2, -1)
    torch.testing.assert_close(pace(rests[None])[1][0], torch.tensor([2.0, 2]))
