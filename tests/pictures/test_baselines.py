import numpy as np

from pipeline.optical_flow import flow_forecast
from pipeline.pictures.baselines import baselines, sample_name


def test_baselines_are_as_long_as_the_forecast_and_see_the_context_alone():
    frames = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    straight_on = frames[:3] // 2
    made = baselines(frames, straight_on)
    assert list(made) == ["straight on", "optical flow", "copy of the last frame"]
    np.testing.assert_array_equal(made["straight on"], straight_on)
    np.testing.assert_array_equal(made["optical flow"], flow_forecast(frames, 3))
    np.testing.assert_array_equal(made["copy of the last frame"], frames[[-1, -1, -1]])


def test_samples_are_counted_as_in_the_stores_and_a_single_one_has_no_number():
    assert sample_name(0, 1) == "forecast" and sample_name(1, 2) == "forecast, sample 1"
