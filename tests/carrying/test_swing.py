import numpy as np
import pytest

from pipeline.carrying.swing import NUM_COMPONENTS, ORDER, fit_swing, nothing_swings


def flickering(num_sequences: int, num_frames: int, period: float, seed: int = 0) -> np.ndarray:
    """A pattern under a lamp whose light swings with that period, frames: uint8 [n, T, 8, 10, 3]."""
    random = np.random.default_rng(seed)
    pattern = random.uniform(0.3, 0.6, (8, 10, 3))
    start = random.uniform(0, 2 * np.pi, num_sequences)
    light = 1 + 0.2 * np.sin(start[:, None] + 2 * np.pi * np.arange(num_frames) / period)
    return (255 * light[..., None, None, None] * pattern).round().astype(np.uint8)


def test_a_lamp_swings_on():
    frames = flickering(12, 30, 5.3)
    swing = fit_swing(frames, 15)
    clip = flickering(1, 30, 5.3, seed=1)[0].astype(np.float32) / 255
    # another pattern under the same kind of lamp says nothing of this one; a new stretch of the same scene does
    own = frames[0].astype(np.float32) / 255
    wanted = own[15:] - own[14]
    error = np.abs(swing.go_on(own[:15], 15) - wanted).max()
    assert error < 0.02 < np.abs(wanted).max() / 2
    assert swing.go_on(clip[:15], 15).shape == (15, 8, 10, 3)


def test_light_that_wanders_is_held():
    random = np.random.default_rng(0)
    light = 0.5 + 0.01 * random.standard_normal((12, 20)).cumsum(1)
    frames = (255 * light[..., None, None, None] * np.ones((8, 10, 3))).clip(0, 255).astype(np.uint8)
    swing = fit_swing(frames, 10)
    assert not swing.weights.any() and not swing.go_on(frames[0, :10].astype(np.float32) / 255, 5).any()


@pytest.mark.parametrize("shape", [(1, 20, 8, 10, 3), (5, 6, 8, 10, 3), (5, 20, 8, 8, 1)])
def test_too_little_to_tell_swings_not(shape):
    swing = fit_swing(np.full(shape, 100, np.uint8), shape[1] // 2)
    assert swing.weights.shape == (NUM_COMPONENTS, ORDER) and not swing.weights.any()
    assert np.isfinite(swing.go_on(np.zeros((2, *shape[2:]), np.float32), 3)).all()


def test_equal_sequences_give_equal_bytes_and_nothing_adds_nothing():
    one, other = (fit_swing(flickering(12, 30, 5.3), 15) for _ in range(2))
    assert one.weights.tobytes() == other.weights.tobytes() and one.components.tobytes() == other.components.tobytes()
    assert not nothing_swings(240).go_on(np.random.default_rng(0).random((5, 8, 10, 3), np.float32), 4).any()
