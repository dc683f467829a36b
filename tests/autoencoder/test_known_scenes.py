import numpy as np
import pytest
import torch

from pipeline.autoencoder.discovery_params import DISCOVERY
from pipeline.autoencoder.known_scenes import MAX_SCENES, find_scenes, in_light_of, recognise
from pipeline.frames.pixels import to_uint8, to_unit
from tests.autoencoder.clips import line, moving_squares


def known(*pictures: torch.Tensor) -> torch.Tensor:
    """[S, 4, 32, 32] scenes of pictures [3, 32, 32] that are known all over."""
    return torch.stack([torch.cat([picture, torch.ones_like(picture[:1])]) for picture in pictures])


EVERYWHERE = torch.ones(1, 1, 1, 1)


def scene(seed: int, px: int = 32) -> torch.Tensor:
    """[3, px, px] smooth"""
    return moving_squares(line((100, 100), (0, 0), 1)[:, None], torch.ones(1, 3), px=px, seed=seed)[1]


def resting(seed: int, corner: tuple[int, int], side: int = 12, light: float = 1.0) -> np.ndarray:
    """uint8 [6, 32, 32, 3]: a scene in which a square rests throughout the clip."""
    tracks = torch.tensor(corner).float().expand(6, 1, 2)
    frames = moving_squares(tracks, torch.tensor([[0.95, 0.05, 0.4]]), side=side, px=32, seed=seed)[0][0]
    return to_uint8(light * frames)


def found_in(clips: list[np.ndarray]) -> torch.Tensor:
    videos = np.stack(clips)
    return torch.from_numpy(find_scenes(lambda rows: videos[rows], np.arange(len(videos)))).float() / 255


CORNERS = [(0, 0), (18, 0), (0, 18), (18, 18), (9, 9)]


def test_a_scene_is_known_though_every_clip_hides_part_of_it_in_a_light_of_its_own():
    lights = (1.0, 0.9, 1.0, 0.95, 1.0)
    scenes = found_in(4 * [resting(0, corner, light=light) for corner, light in zip(CORNERS, lights, strict=True)])
    assert len(scenes) == 1
    assert (in_light_of(scenes[:, :-1], scenes[:, -1:], scene(0)[None])[0] - scene(0)).abs().mean() < 0.01


def test_nothing_is_known_where_every_clip_shows_something_else():
    """In each a square of another colour rests at the same place."""
    tracks = torch.tensor((10.0, 10.0)).expand(6, 1, 2)
    clips = [to_uint8(moving_squares(tracks, torch.tensor([[n / 4, 1 - n / 4, n % 2]]), side=12, px=32, seed=9)[0][0])
             for n in range(5)] * 4
    certain = found_in(clips)[0, -1].bool()
    assert not certain[11:21, 11:21].any() and certain[:, :9].all() and certain[23:].all()
    median = to_unit(clips[3])[:1]
    shown = recognise(found_in(clips), median)
    assert shown.known.all() and torch.equal(shown.complete(median)[..., 11:21, 11:21], median[..., 11:21, 11:21])


def test_scenes_are_kept_apart_and_those_of_most_clips_come_first():
    clips = [resting(1, corner) for corner in 4 * CORNERS] + [resting(2, corner) for corner in 5 * CORNERS]
    scenes = found_in(clips)
    assert len(scenes) == 2
    for picture, seed in zip(scenes, (2, 1), strict=True):
        torch.testing.assert_close(picture[:-1], scene(seed), atol=0.03, rtol=0)


def test_clips_of_scenes_of_their_own_make_none():
    assert len(found_in([resting(seed, CORNERS[seed % 5]) for seed in range(12)])) == 0
    fewer = DISCOVERY.scenes.min_clips - 1
    assert len(found_in([resting(3, CORNERS[i % 5]) for i in range(fewer)])) == 0


def test_there_are_no_more_than_the_weights_hold():
    clips = [resting(seed, (3, 3)) for seed in range(MAX_SCENES + 2) for _ in range(DISCOVERY.scenes.min_clips)]
    assert len(found_in(clips)) == MAX_SCENES


@pytest.mark.parametrize("light", [1.0, 0.7])
def test_what_rests_is_taken_out_of_the_background_of_a_recognised_clip(light):
    median = to_unit(resting(4, (10, 10), light=light))[:1]
    shown = recognise(known(scene(4)), median)
    assert shown.known.all()
    wrong, left = (picture - light * scene(4) for picture in (median[0], shown.complete(median)[0]))
    hidden = wrong.abs().amax(0) > 0.1
    assert hidden.sum() > 80 and left[:, hidden].abs().mean() < 0.03 and left.abs().mean() < 0.01


def test_a_clip_of_an_unknown_scene_has_its_own_background():
    median = to_unit(resting(5, (10, 10)))[:1]
    other = recognise(known(scene(4)), median)
    assert not other.known.any() and (other.complete(median) == median).all()
    none = recognise(torch.empty(0), median)
    assert not none.known.any() and (none.complete(median) == median).all()


def test_of_several_scenes_the_one_that_fits_is_taken_clip_by_clip():
    medians = torch.cat([to_unit(resting(seed, (10, 10)))[:1] for seed in (7, 6, 8)])
    shown = recognise(known(scene(6), scene(7)), medians)
    assert shown.known.tolist() == [True, True, False]
    assert (shown.picture[0] == scene(7)).all() and (shown.picture[1] == scene(6)).all()


def test_a_background_without_contrast_takes_the_mean_light_of_the_clip():
    lit = in_light_of(torch.full((1, 1, 8, 8), 0.2), EVERYWHERE, torch.full((1, 1, 8, 8), 0.6))
    torch.testing.assert_close(lit, torch.full((1, 1, 8, 8), 0.6))
