"""How far predicted objects are from the true ones, in pixels.

Legend: ... any leading axes (samples), T frames, N true objects, K slots.
"""

import numpy as np

from pipeline.metrics.segmentation import UNMATCHED


def places_of_objects(place: np.ndarray, slot_of: np.ndarray) -> np.ndarray:
    """place [..., T, K, 2] of the slots, slot_of int [N] -> of the objects' slots [..., T, N, 2]; an UNMATCHED object
    gets any."""
    return np.take(place, np.maximum(slot_of, 0), axis=-2)


def position_error(place: np.ndarray, position: np.ndarray, slot_of: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Distance between each object's true centre and its matched slot's, px: [..., T, N].

    place [..., T, K, 2]: x, y of the slots; position [T, N, 2]: of the objects; slot_of int [N]; shown bool [T, N]:
    is the object in view? NaN where it is not, or has no slot.
    """
    assert place.shape[-3] == len(position) == len(shown), f"{place.shape}, {position.shape}, {shown.shape}"
    error = np.linalg.norm(places_of_objects(place, slot_of) - position, axis=-1)
    return np.where(shown & (slot_of != UNMATCHED), error, np.nan)


def error_by_step(errors: list[np.ndarray]) -> dict[str, list[float | None]]:
    """Errors of each clip [..., T, N] -> mean and median over everything but the step, NaN left out; None: nothing to
    compare."""
    steps = range(errors[0].shape[-2])
    pooled = [np.concatenate([error[..., step, :].ravel() for error in errors]) for step in steps]
    known = [values[~np.isnan(values)] for values in pooled]
    return {
        "mean_by_step": [float(values.mean()) if len(values) else None for values in known],
        "median_by_step": [float(np.median(values)) if len(values) else None for values in known],
    }


def nearest_error_by_step(errors: list[np.ndarray]) -> dict[str, list[float | None]]:
    """Errors of each clip [S, T, N] -> as `error_by_step`, of the sample that is nearest for that object at that step
    alone (minFDE of trajectory forecasting, whose last step is the one that counts)."""
    return error_by_step([error.min(0) for error in errors])
