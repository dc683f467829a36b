import numpy as np
import pytest

from pipeline.carrying.forecasts import BLURRED, NAMES, Carried, carry
from pipeline.carrying.swing import nothing_swings
from tests.carrying.scenes import drifting_square, ground, psnr, texture


def named(carried: Carried) -> dict[str, np.ndarray]:
    return dict(zip(NAMES, carried.forecasts, strict=True))


def carried_on(frames: np.ndarray, known: np.ndarray, horizon: int) -> Carried:
    """Where nothing swings."""
    return carry(frames, known, nothing_swings(frames[0].size), horizon)


def test_names_are_in_order():
    assert NAMES == (
        "last", "flow", "mean_flow", "half_speed", "thrown", "cutouts", "thrown_blurred", "last_blurred", "swing",
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_a_square_over_known_ground(channels):
    frames, places = drifting_square(20, channels)
    carried = carried_on(frames[:10], ground(channels), 10)
    forecasts = named(carried)
    assert carried.forecasts.shape == (len(NAMES), 10, 72, 96, channels) and carried.covered.shape == (10, 72, 96, 1)
    at_the_end = {name: psnr(forecast[-1], frames[19]) for name, forecast in forecasts.items()}
    uncovered = ((places[9] > 0.5) & (places[19] == 0))[..., 0]
    # Flow bleeds over the square's edges, so that of what is thrown some goes astray.
    for name, of_uncovered in (("thrown", 25), ("cutouts", 30)):
        assert at_the_end[name] > max(at_the_end["last"], at_the_end["flow"]) + 4, at_the_end
        assert psnr(forecasts[name][-1][uncovered], frames[19][uncovered]) > of_uncovered
    assert carried.covered[-1][places[19] > 0.99].mean() > 0.8 and carried.covered[-1][places[19] == 0].mean() < 0.05
    np.testing.assert_allclose(carried.median, np.median(frames[:10], 0))


@pytest.mark.parametrize("num_frames", [2, 10])
def test_what_holds_still_is_carried_on_as_it_is(num_frames):
    frames = np.stack([drifting_square(1)[0][0]] * num_frames)
    for name, forecast in named(carried_on(frames, frames[0], 3)).items():
        if name not in BLURRED:
            np.testing.assert_allclose(forecast, np.stack([frames[0]] * 3), atol=2e-3, err_msg=name)


def test_blurs_grow_with_the_frame():
    """An edge is spread over 2 px where the longer side has up to 128 px, over 4 px where it has 256."""
    edge = np.zeros((2, 32, 64, 1), np.float32)
    edge[:, :, 32:] = 1
    for frames, sigma in ((edge, 2), (edge.repeat(2, 1).repeat(2, 2), 2), (edge.repeat(4, 1).repeat(4, 2), 4)):
        slope = np.diff(named(carried_on(frames, frames[0], 1))["last_blurred"][0, 8, :, 0])
        from_middle = np.arange(len(slope)) - (len(slope) - 1) / 2
        np.testing.assert_allclose(np.sqrt((slope * from_middle ** 2).sum()), sigma, rtol=0.05)


def test_equal_inputs_give_equal_bytes():
    frames, _ = drifting_square(6)
    one, other = (carried_on(frames.copy(), ground(), 4) for _ in range(2))
    assert one.forecasts.tobytes() == other.forecasts.tobytes() and one.covered.tobytes() == other.covered.tobytes()


def degenerate(kind: str, shape: tuple[int, ...]) -> np.ndarray:
    if kind == "noise":
        return np.random.default_rng(0).random(shape, np.float32)
    if kind == "ramp":  # no corners
        return np.broadcast_to(np.linspace(0, 1, shape[2], dtype=np.float32)[:, None], shape)
    frames = np.full(shape, {"black": 0, "grey": 0.4, "white": 1, "flash": 0}[kind], np.float32)
    frames[-1] = 1 if kind == "flash" else frames[-1]
    return frames


@pytest.mark.parametrize("kind", ["noise", "ramp", "black", "grey", "white", "flash"])
@pytest.mark.parametrize("size", [(8, 8), (8, 40), (33, 17)])
@pytest.mark.parametrize(("num_frames", "channels"), [(2, 1), (3, 3), (10, 1)])
def test_whatever_is_given_the_forecasts_are_numbers(kind, size, num_frames, channels):
    frames = degenerate(kind, (num_frames, *size, channels))
    for known in (frames[0], texture(*size, channels), np.zeros_like(frames[0])):
        carried = carried_on(frames, known, 3)
        for array in (carried.forecasts, carried.covered, carried.median):
            assert array.dtype == np.float32 and np.isfinite(array).all() and np.abs(array).max() <= 2
