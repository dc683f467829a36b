import numpy as np

from pipeline.metrics.by_step import mean_by_step


def test_figures_leave_out_clips_without_a_value():
    by_clip = np.array([[1.0, np.nan], [3.0, np.nan]])
    assert mean_by_step("position", by_clip) == {"position": 2.0, "position_by_step": [2.0, None]}
