"""Two stores side by side: what they were made from, what they hold, how far their numbers are apart."""

from dataclasses import dataclass

import numpy as np

from pipeline.inspection.facts import ArrayFacts, StoreFacts
from pipeline.zarr_io import read_rows


@dataclass(frozen=True)
class Difference:
    """One array that both stores have, over the rows that both have."""

    name: str
    rms: float
    """Root mean square of the difference."""
    rms_here: float
    """Root mean square of the first store's values, to judge it by."""


def common_rows(here: StoreFacts, there: StoreFacts) -> tuple[np.ndarray, np.ndarray]:
    """The rows of both that have the same video_id and first_frame, in the order of the first: int [n], int [n]."""
    names = [
        list(zip(store.labels("video_id").tolist(), store.labels("first_frame").tolist(), strict=True))
        for store in (here, there)
    ]
    row_of = {name: row for row, name in enumerate(names[1])}
    pairs = [(row, row_of[name]) for row, name in enumerate(names[0]) if name in row_of]
    rows_here, rows_there = np.array(pairs, np.int64).reshape(-1, 2).T
    return rows_here, rows_there


def differences(here: StoreFacts, there: StoreFacts) -> list[Difference]:
    """How far apart the arrays of numbers are that have the same form in both; others cannot be compared."""
    rows_here, rows_there = common_rows(here, there)
    forms = {array.name: _form(array) for array in there.arrays}
    found = []
    for array in here.arrays:
        if array.is_coordinate or forms.get(array.name) != _form(array) or not len(rows_here):
            continue
        square_difference, square, count = 0.0, 0.0, 0
        # Part by part: frames need not fit in memory.
        for part in np.array_split(np.arange(len(rows_here)), -(-len(rows_here) // 64)):
            ours = read_rows(here.group, array.name, rows_here[part]).astype(np.float64)
            theirs = read_rows(there.group, array.name, rows_there[part]).astype(np.float64)
            known = np.isfinite(ours) & np.isfinite(theirs)  # an empty slot has no place
            square_difference += np.square(ours - theirs)[known].sum()
            square += np.square(ours)[known].sum()
            count += int(known.sum())
        if not count:
            continue
        found.append(Difference(array.name, float(np.sqrt(square_difference / count)), float(np.sqrt(square / count))))
    return found


def _form(array: ArrayFacts) -> tuple:
    return array.dims, array.shape[1:], array.dtype
