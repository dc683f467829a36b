"""Is an object where it was said to be as often as that was said to be probable?

Protocol. One pixel of one step and one slot is one case: the share of the S samples in which the slot is what one sees
there, and whether it came so. Cases that count: of slots that hold an object, those in which a sample or the truth
shows it. All others, nearly all of a frame, are 0 in both, and would make any forecast look calibrated. A slot whose
object the truth does not know is shown nowhere by it. Objects that no slot holds were not forecast and do not count
here; presence_recall counts them.

A share of few samples is no probability yet: where none of 5 shows the object it may still come, and only such cases
count in which it did. So the truth is taken for one more of S + 1 futures, as a rank histogram does: of the cases that
m of these show, a truth drawn as the samples are is among those m in a share m / (S + 1), whatever S. That share is the
forecast that the truth is held against. `shares` says the same of the samples' own shares, as the store has them; both
come to the same as S grows.

calibration_error: how far the mean forecast in each of ten bins is from the share that came true, weighted by cases
(the expected calibration error of Naeini, Cooper and Hauskrecht 2015).

Legend: S samples, T steps, K slots, H W px.
"""

import numpy as np

NUM_BINS = 10
_LEVELS = 256
"""Values that a share stored as a byte may have: 255 is 1."""
_EPSILON = 1e-9
"""So that a share on the bound of two bins is in the upper one, however it is rounded."""


def occupancy_cases(occupancy: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """uint8 occupancy [T, K, H, W], in 1/255, of slots that hold an object, and where it came true, bool of the same
    shape -> number of cases int64 [T, 256, 2], by step, occupancy and truth. Those of several clips are added up."""
    assert occupancy.shape == truth.shape, f"occupancy {occupancy.shape}, truth {truth.shape}"
    cells = occupancy.astype(np.int64) * 2 + truth
    cases = np.stack([np.bincount(step.ravel(), minlength=2 * _LEVELS) for step in cells])
    cases[:, 0] = 0  # neither in a sample nor in the truth
    return cases.reshape(-1, _LEVELS, 2)


def occupancy_figures(cases: np.ndarray, num_samples: int) -> dict[str, object]:
    """cases [T, 256, 2] -> calibration_error, the same by step, and by bin the mean forecast, the share that came true
    and the number of cases; the same of the samples' own shares under `shares`. None where there is no case."""
    share = np.repeat(np.linspace(0, 1, _LEVELS)[:, None], 2, 1)
    return {
        **_figures(cases, (num_samples * share + [0, 1]) / (num_samples + 1)), "shares": _figures(cases, share),
    }


def _figures(cases: np.ndarray, forecast: np.ndarray) -> dict[str, object]:
    """forecast [256, 2]: what stands for a case."""
    bins = np.minimum((forecast * NUM_BINS + _EPSILON).astype(int), NUM_BINS - 1)
    members = (bins == np.arange(NUM_BINS)[:, None, None]).astype(float)  # [bin, 256, 2]
    count, said, came = (np.einsum("tly,bly->tb", cases * of_case, members) for of_case in (1, forecast, [0, 1]))
    whole = [values.sum(0) for values in (count, said, came)]
    by_step = [_error(*step) for step in zip(count, said, came, strict=True)]
    return {
        "calibration_error": _error(*whole), "calibration_error_by_step": by_step,
        "forecast_by_bin": _ratios(whole[1], whole[0]), "came_true_by_bin": _ratios(whole[2], whole[0]),
        "cases_by_bin": [int(number) for number in whole[0]],
    }


def _error(count: np.ndarray, said: np.ndarray, came: np.ndarray) -> float | None:
    return float(np.abs(said - came).sum() / count.sum()) if count.sum() else None


def _ratios(part: np.ndarray, whole: np.ndarray) -> list[float | None]:
    return [float(a / b) if b else None for a, b in zip(part, whole, strict=True)]
