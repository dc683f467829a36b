"""What stands beside a forecast wherever it is drawn: what needs no training, or no predictor.

Legend: H W px, C channels. Frames are uint8 [..., H, W, C].
"""

import numpy as np

from pipeline.optical_flow import flow_forecast


def baselines(context: np.ndarray, straight_on: np.ndarray) -> dict[str, np.ndarray]:
    """Label -> frames [horizon, H, W, C], of a clip's context [context_frames, H, W, C] and its frames if every object
    went straight on [horizon, H, W, C]."""
    horizon = len(straight_on)
    return {
        "straight on": straight_on, "optical flow": flow_forecast(context, horizon),
        "copy of the last frame": context[-1:].repeat(horizon, 0),
    }


def sample_name(sample: int, num_samples: int) -> str:
    """What one of a forecast's samples is called: counted from 0, as in the stores."""
    return "forecast" if num_samples == 1 else f"forecast, sample {sample}"


def mean_name(num_samples: int) -> str:
    """What the mean over a forecast's samples, as one picture, is called."""
    return f"mean of {num_samples} samples"
