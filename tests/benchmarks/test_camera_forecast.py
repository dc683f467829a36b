import numpy as np
import pytest

from benchmarks.camera_forecast import camera_forecast, camera_motion, see_on
from tests.carrying.scenes import moved, psnr, shift, texture, turn

STEPS = {"pan": shift(-2, 0.75), "roll": turn((48, 36), 0.02, 1), "zoom": turn((48, 36), 0, 1.02)}


def seen(step: np.ndarray, num_frames: int, channels: int = 3) -> np.ndarray:
    """A still scene before a camera, uint8 [T, 72, 96, C]."""
    scene = texture(200, 200, channels, grain=2)
    frames = [moved(scene, np.linalg.matrix_power(step, t) @ shift(-50, -60), (72, 96)) for t in range(num_frames)]
    return (255 * np.stack(frames)).round().astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_the_camera_is_found_and_goes_on(step, channels):
    frames = seen(step, 8, channels)
    np.testing.assert_allclose(camera_motion(frames[:5]), step, atol=0.15)
    forecast = camera_forecast(frames[:5], 3)
    assert forecast.dtype == np.uint8 and forecast.shape == frames[5:].shape
    inside = (slice(None), slice(12, -12), slice(12, -12))
    assert psnr(forecast[inside] / 255, frames[5:][inside] / 255) > 30


def test_where_nothing_can_be_tracked_nothing_moves():
    for frames in (np.full((4, 8, 8, 1), 90, np.uint8), seen(np.eye(3), 1)):
        assert (camera_motion(frames) == np.eye(3)).all()
        assert (camera_forecast(frames, 2) == frames[-1]).all()


def test_pictures_of_numbers_are_seen_on_too():
    picture = texture(20, 30, 1)
    ahead = see_on(picture, shift(3, 0), 2)
    assert ahead.dtype == np.float32
    np.testing.assert_allclose(ahead[1, :, 6:], picture[:, :-6], atol=1e-5)
