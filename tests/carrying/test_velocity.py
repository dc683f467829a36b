import numpy as np
import pytest

from pipeline.carrying.velocity import advect, mean_velocity, splat, steady_velocity, velocities
from tests.carrying.scenes import texture


def uniform(x: float, y: float, height: int = 24, width: int = 32) -> np.ndarray:
    return np.full((height, width, 2), (x, y), np.float32)


def test_velocity_is_looked_up_where_the_pixel_was():
    """What is at column 20 now moved 3 px, and was at column 17 before."""
    earlier = np.zeros((24, 32, 2), np.float32)
    earlier[:, 17, 0] = 2
    found = velocities([uniform(3, 0), earlier])
    assert found.shape == (2, 24, 32, 2)
    np.testing.assert_allclose(found[1, :, 20, 0], 2, atol=1e-5)
    np.testing.assert_allclose(found[1, :, 17, 0], 0, atol=1e-5)


def test_the_mean_is_of_three_motions():
    motions = [uniform(1, 0), uniform(2, 0), uniform(6, 3), uniform(100, 100)]
    np.testing.assert_allclose(mean_velocity(motions), uniform(3, 1), atol=1e-5)
    np.testing.assert_allclose(mean_velocity(motions[:1]), motions[0], atol=1e-6)


def test_the_steady_velocity_forgets_what_no_longer_holds():
    steady = steady_velocity([uniform(1, 0)] * 5)
    np.testing.assert_allclose(steady, uniform(1, 0), atol=1e-5)
    after_a_jolt = steady_velocity([uniform(1, 0), uniform(8, 0), uniform(1, 0)])
    np.testing.assert_allclose(after_a_jolt, uniform(1, 0), atol=0.1)


def test_advect_goes_forward_as_fast_as_it_is_told():
    picture = texture(24, 32)
    ahead = advect(picture, uniform(2, 1), 3)
    for step, frame in enumerate(ahead, 1):
        np.testing.assert_allclose(frame[step:, 2 * step:], picture[:-step, :-2 * step], atol=1e-5)
    slowly = advect(picture, uniform(2, 1), 6, 0.5)
    np.testing.assert_allclose(slowly[1::2], ahead, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_splat_leaves_the_ground_behind(channels):
    picture, ground = np.zeros((24, 32, channels), np.float32), np.ones((24, 32, channels), np.float32) / 2
    picture[:, 10:16] = 1
    motion = np.zeros((24, 32, 2), np.float32)
    motion[:, 10:16, 0] = 3
    nearness = picture[..., 0] * 2
    frame = splat(picture, motion, ground, nearness, 4)[3][12, :, 0]  # 12 px further
    np.testing.assert_allclose(frame[23:27], 1, atol=0.01)  # it covers what is there, being nearer
    np.testing.assert_allclose(frame[12:14], 0.5, atol=0.01)  # where it was
    np.testing.assert_allclose(frame[:8], 0, atol=0.01)
    np.testing.assert_allclose(frame[30:], 0, atol=0.01)


def test_splat_without_motion_changes_nothing():
    picture = texture(24, 32)
    frames = splat(picture, uniform(0, 0), np.zeros_like(picture), np.zeros((24, 32), np.float32), 2)
    np.testing.assert_allclose(frames, np.stack([picture] * 2), atol=1e-5)
