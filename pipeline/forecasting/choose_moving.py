"""Which clips are drawn before anybody has judged the forecasts: those that move, by the given frames alone."""

import numpy as np

from pipeline.frames.forecast_clips import ForecastClips, read_clips
from pipeline.frames.frame_store import FrameStore
from pipeline.metrics.moving import moving_pixels
from pipeline.spacing import evenly_spaced

_CLIPS_AT_ONCE = 64


def clip_motion(store: FrameStore, clips: ForecastClips, context_frames: int) -> np.ndarray:
    """Share [n] of the pixels that, in frames before the last given one, ever differ from it (see metrics.moving)."""
    shares = [np.empty(0)]
    for first in range(0, len(clips), _CLIPS_AT_ONCE):
        given = read_clips(store, clips[first:first + _CLIPS_AT_ONCE], 0, context_frames)
        shares.append(moving_pixels(given[:, -1], given[:, :-1]).mean((1, 2)))
    return np.concatenate(shares)


def choose_moving(motion: np.ndarray, count: int) -> dict[int, str]:
    """At most `count` clips, evenly spread from the one that moves most to the median one, in their own order, each
    with why it is shown. motion [n] as clip_motion says."""
    order = np.argsort(-motion, kind="stable")
    half = max(count, (len(order) + 1) // 2)
    ranks = evenly_spaced(min(half, len(order)), count).tolist()
    reasons = {int(order[rank]): _reason(rank, len(order), float(motion[order[rank]])) for rank in ranks}
    return dict(sorted(reasons.items()))


def _reason(rank: int, count: int, motion: float) -> str:
    place = f"of {count} clips the one that moves most" if rank == 0 else f"{rank} of {count} clips move more"
    return f"{place} ({motion:.0%} of its pixels before the forecast)"
