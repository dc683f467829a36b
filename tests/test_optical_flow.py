import numpy as np
import pytest

from pipeline.optical_flow import flow, flow_forecast, mean_flow, paths, pixels, warp


def scene(num_frames: int, velocity: tuple[float, float], channels: int = 3, size: int = 64) -> np.ndarray:
    """A smooth pattern that drifts as a whole, uint8 [T, H, W, C]."""
    y, x = np.mgrid[:size, :size].astype(float)
    frames = []
    for t in range(num_frames):
        u, v = x - velocity[0] * t, y - velocity[1] * t
        value = 0.5 + 0.2 * np.sin(u / 3.1) * np.cos(v / 4.3) + 0.2 * np.sin((u + 2 * v) / 7.7)
        frames.append(np.repeat(value[..., None], channels, -1))
    return (255 * np.stack(frames)).round().astype(np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_flow_is_the_motion_at_the_later_frame(channels):
    frames = scene(4, (1.5, -0.75), channels)
    inside = (slice(8, -8), slice(8, -8))
    np.testing.assert_allclose(flow(frames[0], frames[1])[inside], np.broadcast_to([1.5, -0.75], (48, 48, 2)), atol=0.2)
    assert np.abs(mean_flow(frames)[inside] - [1.5, -0.75]).max() < 0.2


def test_a_drifting_pattern_is_carried_on():
    frames = scene(15, (1.5, -0.75))
    forecast = flow_forecast(frames[:10], 5)
    assert forecast.dtype == np.uint8 and forecast.shape == (5, 64, 64, 3)
    inside = (slice(None), slice(16, -16), slice(16, -16))
    error = np.abs(forecast[inside].astype(float) - frames[10:][inside])
    assert error.mean() < 3 < np.abs(frames[9].astype(float) - frames[14])[16:-16, 16:-16].mean()


def test_motion_stays_with_what_moves():
    """A bar goes to the right within ground that goes along; it leaves nothing behind."""
    motion = np.zeros((8, 32, 2), np.float32)
    motion[:, 4:20, 0] = 2
    bar = np.zeros((8, 32, 1), np.uint8)
    bar[:, 7:9] = 255
    shown = [warp(bar, places)[0, :, 0] for places in paths(motion, 4)]
    assert [np.flatnonzero(row > 127).tolist() for row in shown] == [[9, 10], [11, 12], [13, 14], [15, 16]]


def test_pixels_are_columns_and_rows():
    assert pixels(3, 5).shape == (3, 5, 2) and pixels(3, 5)[2, 4].tolist() == [4, 2]


def test_one_frame_is_copied_and_equal_frames_give_equal_bytes():
    frames = scene(3, (1, 0), 1)
    assert (flow_forecast(frames[:1], 3) == frames[0]).all()
    assert flow_forecast(frames, 4).tobytes() == flow_forecast(frames.copy(), 4).tobytes()
