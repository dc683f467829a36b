import numpy as np
import pytest

from pipeline.carrying.regions import (
    MAX_REGIONS,
    MIN_REGION_PX,
    align,
    connected_regions,
    earlier_frames,
    fit_affine,
    move_cutouts,
)
from pipeline.optical_flow import pixels
from tests.carrying.scenes import drifting_square, ground, moved, psnr, shift, texture, turn

MIDDLE = (40, 30)


def patch(radius: float = 12) -> np.ndarray:
    """A round region, bool [60, 80]."""
    return np.hypot(*np.moveaxis(pixels(60, 80) - MIDDLE, -1, 0)) < radius


def motion_of(step: np.ndarray, height: int = 60, width: int = 80) -> np.ndarray:
    places = np.concatenate([pixels(height, width), np.ones((height, width, 1))], -1)
    return (places @ step.T - places)[..., :2].astype(np.float32)


def off(found: np.ndarray, truth: np.ndarray, region: np.ndarray) -> float:
    """By how much a map misses within a region, px at most."""
    return float(np.linalg.norm((motion_of(found) - motion_of(truth))[region], axis=-1).max())


STEPS = {
    "shift": shift(1.4, -0.7), "turn": turn(MIDDLE, 0.06, 1, (0.5, 1)), "growth": turn(MIDDLE, 0, 1.05, (-1, 0)),
    "turn and growth": turn(MIDDLE, -0.05, 0.96, (1, 0.5)),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_map_that_flow_makes_is_found(step):
    motion = motion_of(step)
    motion[28:31, 38:41] += 5  # some flow is wrong
    assert off(fit_affine(motion, patch()), step, patch()) < 0.15


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_alignment_corrects_a_map_that_is_somewhat_wrong(step, channels):
    last = texture(60, 80, channels)
    context = np.stack([moved(last, np.linalg.matrix_power(np.linalg.inv(step), age)) for age in (2, 1, 0)])
    start = shift(0.6, -0.4) @ step
    found = align(last, earlier_frames(context), patch(), start)
    assert off(start, step, patch()) > 0.7
    assert off(found, step, patch()) < 0.15


def test_one_earlier_frame_is_enough():
    last = texture(60, 80)
    context = np.stack([moved(last, shift(-1, 0)), last])
    assert off(align(last, earlier_frames(context), patch(), np.eye(3)), shift(1, 0), patch()) < 0.1


def test_without_texture_the_map_stays_as_it_was():
    context = np.full((3, 60, 80, 3), 0.4, np.float32)
    found = align(context[-1], earlier_frames(context), patch(), STEPS["turn"])
    assert off(found, STEPS["turn"], patch()) < 0.01


def test_wild_flow_gives_a_map_within_bounds():
    wild = np.random.default_rng(0).normal(0, 200, (60, 80, 2)).astype(np.float32)
    context = np.stack([texture(60, 80, seed=seed) for seed in range(3)])
    found = align(context[-1], earlier_frames(context), patch(2), fit_affine(wild, patch(2)))
    assert np.isfinite(found).all() and np.abs(found[:2, :2]).max() < 3


def test_regions_are_the_largest_ones_from_back_to_front():
    mask = np.zeros((100, 100), bool)
    for i in range(30):
        mask[3 * i:3 * i + 2, :20 + 2 * i] = True
    mask[95:97, 90:92] = True
    regions = connected_regions(mask)
    assert len(regions) == MAX_REGIONS
    assert [np.flatnonzero(region.any(1))[0] for region in regions] == [3 * i for i in range(6, 30)]
    assert not any(region[95:].any() for region in regions), f"smaller than {MIN_REGION_PX} px"
    assert connected_regions(np.zeros((8, 8), bool)) == []


def test_a_cutout_goes_on_over_the_ground():
    frames, places = drifting_square(20)
    region = places[9, ..., 0] > 0.5
    motion = np.where(region[..., None], np.float32([2, 1]), 0).astype(np.float32)
    forecast, covered = move_cutouts(frames[:10], motion, [region], ground(), 10)
    assert forecast.dtype == covered.dtype == np.float32
    assert psnr(forecast[-1], frames[19]) > 30
    assert covered[-1][places[19] > 0.99].min() > 0.7 and covered[-1][places[19] == 0].mean() < 0.05


def test_what_left_the_frame_is_not_there():
    context, region = np.stack([texture(60, 80)] * 3), patch()
    forecast, covered = move_cutouts(context, np.zeros((60, 80, 2), np.float32), [], context[-1], 2)
    assert (forecast == context[-1]).all() and not covered.any()
    context = np.stack([moved(context[-1], shift(-30 * age, 0)) for age in (1, 0)])
    motion = np.full((60, 80, 2), (30, 0), np.float32)
    ahead = np.zeros((60, 80, 3), np.float32)
    forecast, covered = move_cutouts(context, motion, [region], ahead, 4)
    assert not covered[-1].any() and not forecast[-1].any()
