"""What is seen in clips that are known: how many objects of which size, and whether the camera moves."""

import math

import numpy as np
import pytest
import torch

from pipeline.autoencoder.camera import resample
from pipeline.suggestion.motion import Clip, find_regions, look_at_clips
from pipeline.suggestion.thresholds import Thresholds

THRESHOLDS = Thresholds()
SIDE, LENGTH = 64, 20


def textured(height: int = SIDE, width: int = SIDE, seed: int = 0) -> np.ndarray:
    """A smooth random background in [0.3, 0.7]: [height, width, 3]."""
    coarse = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bicubic")[0]
    return (0.3 + 0.4 * smooth.clamp(0, 1)).numpy().transpose(1, 2, 0)


def clip_of(squares, side: int, contrast: float, speed: float, grey: bool, seed: int = 0, noise: float = 0.0) -> Clip:
    """Squares at (x, y) that go right, the background darker by `contrast`, in one channel alone unless grey."""
    random = np.random.default_rng(seed)
    frames = np.repeat(textured(seed=seed)[None], LENGTH, 0)
    change = np.full(3, contrast) if grey else np.array([contrast, 0, 0])
    for t in range(LENGTH):
        for x, y in squares:
            left = round(x + speed * t)
            frames[t, y:y + side, left:left + side] += change
    frames += noise * random.normal(size=frames.shape)
    frames = (255 * frames.clip(0, 1)).round().astype(np.uint8)
    return Clip(f"{seed}", 0, frames, frames[:0])


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("speed", [1.5, 2.0])
@pytest.mark.parametrize("contrast", [0.1, 0.3])
@pytest.mark.parametrize("side", [4, 8, 12])
def test_moving_squares_are_counted_and_measured(side, contrast, speed, grey):
    """Fast enough to leave their place within half of the clip: else the clip's own median holds them."""
    squares = [(2, 4), (8, 40)]
    found = look_at_clips([clip_of(squares, side, contrast, speed, grey, seed) for seed in range(2)], THRESHOLDS)
    counts = np.concatenate([clip.counts() for clip in found.clips])
    assert np.median(counts) == 2
    sides = [region.side for clip in found.clips for region in clip.regions()]
    assert np.median(sides) == pytest.approx(side, abs=1)
    velocities = np.concatenate([clip.velocities() for clip in found.clips])
    assert np.median(np.hypot(*velocities.T)) == pytest.approx(speed, abs=0.6)
    assert all(clip.camera_extent() == 0 for clip in found.clips)


def test_what_is_weaker_than_the_noise_is_not_seen():
    still = look_at_clips([clip_of([], 8, 0.3, 2, True, seed, noise=0.02) for seed in range(2)], THRESHOLDS)
    assert not sum(len(clip.tracks) for clip in still.clips)
    faint = look_at_clips([clip_of([(2, 4)], 8, 0.04, 2, True, seed) for seed in range(2)], THRESHOLDS)
    assert not sum(len(clip.tracks) for clip in faint.clips)


@pytest.mark.parametrize("speed", [0.3, 0.8])
def test_a_panning_camera_is_followed(speed):
    wide = torch.from_numpy(textured(SIDE, 2 * SIDE)).permute(2, 0, 1)[None].float()
    frames = []
    for t in range(LENGTH):
        theta = torch.tensor([[[0.5, 0, -0.5 + 2 * speed * t / (2 * SIDE)], [0, 1, 0]]])
        grid = torch.nn.functional.affine_grid(theta, (1, 3, SIDE, SIDE), align_corners=False)
        frames.append(torch.nn.functional.grid_sample(wide, grid, align_corners=False)[0].permute(1, 2, 0).numpy())
    frames = (255 * np.stack(frames)).round().astype(np.uint8)
    found = look_at_clips([Clip("pan", 0, frames, frames[:0])], THRESHOLDS)
    assert found.clips[0].camera_extent() == pytest.approx(speed * (LENGTH - 1) / 2, rel=0.15)
    assert len(found.clips[0].regions()) == 0


def test_a_rolling_camera_is_followed_and_gets_a_canvas_for_the_corners():
    wide = torch.from_numpy(textured(2 * SIDE, 2 * SIDE)).permute(2, 0, 1)[None].float()
    motion = torch.zeros(1, LENGTH, 4)
    motion[..., 3] = torch.linspace(-0.1, 0.1, LENGTH)
    frames = resample(wide[:, None], motion, SIDE, SIDE)[0].permute(0, 2, 3, 1).numpy()
    frames = (255 * frames).round().astype(np.uint8)
    found = look_at_clips([Clip("roll", 0, frames, frames[:0])], THRESHOLDS).clips[0]
    assert found.camera_roll() == pytest.approx(math.degrees(0.1), rel=0.1)
    assert found.camera_extent() == pytest.approx(SIDE / 2 * (math.cos(0.1) + math.sin(0.1) - 1), abs=0.6)
    assert len(found.regions()) == 0


def test_an_object_before_a_plain_wall_is_no_camera():
    frames = np.full((LENGTH, SIDE, SIDE, 3), 120, np.uint8)
    pattern = (255 * textured(seed=3)[:20, :20]).astype(np.uint8)
    for t in range(LENGTH):
        frames[t, 10:30, t:t + 20] = pattern
    found = look_at_clips([Clip("a", 0, frames, frames[:0])], THRESHOLDS)
    assert found.clips[0].camera_extent() == 0


def test_what_rests_in_a_clip_is_seen_against_other_clips_of_its_video():
    clips = []
    for place in (0, 20, 40, 40):
        frames = np.repeat((255 * textured()).astype(np.uint8)[None], LENGTH, 0)
        frames[:, 20:30, place + 5:place + 15] = 255
        clips.append(Clip("one", 100 * place, frames, frames[:0]))
    clips.append(Clip("one", 9, np.repeat((255 * textured()).astype(np.uint8)[None], LENGTH, 0), clips[0].around))
    found = look_at_clips(clips, THRESHOLDS)
    assert found.shares_scene and [max(clip.counts()) for clip in found.clips] == [1, 1, 1, 1, 0]


def test_objects_that_touch_are_taken_apart():
    y, x = np.mgrid[:32, :48]
    two = (np.hypot(x - 14, y - 16) < 8) | (np.hypot(x - 32, y - 16) < 9.5)
    found = find_regions(two.astype(float), 0.1, THRESHOLDS)
    assert sorted(round(region.x) for region in found) == pytest.approx([14, 32], abs=1)
    assert len(find_regions((np.hypot(x - 14, y - 16) < 8).astype(float), 0.1, THRESHOLDS)) == 1
