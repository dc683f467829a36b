"""Presence of slots against counting by hand."""

import numpy as np
import pytest

from pipeline.metrics.presence import presence_figures
from pipeline.metrics.segmentation import overlap_counts

WIDTH = 12


def strip(**places: tuple[int, int]) -> np.ndarray:
    """A clip of one frame of one row: id1=(start, stop) and so on, 0 elsewhere."""
    row = np.zeros((1, 1, WIDTH), dtype=int)
    for name, (start, stop) in places.items():
        row[..., start:stop] = int(name.removeprefix("id"))
    return row


def test_every_object_with_a_slot_of_its_own_is_perfect():
    truth = strip(id1=(0, 3), id2=(6, 9))
    counts = overlap_counts(truth, np.array([0, 3, 1])[truth], 2, 3)
    assert presence_figures([counts], np.array([[1.0, 0.0, 0.9]])) == {
        "presence_precision": 1.0, "presence_recall": 1.0, "num_objects_accuracy": 1.0,
    }


def test_slots_that_hold_nothing_cost_precision_and_objects_without_one_recall():
    # Clip 0: object 1 found, object 2 missed, slot 2 holds background. Clip 1: its one object is found; object 2 is
    # never in view.
    first = overlap_counts(strip(id1=(0, 3), id2=(6, 9)), strip(id1=(0, 3), id2=(10, 12)), 2, 2)
    second = overlap_counts(strip(id1=(0, 3)), strip(id1=(0, 3)), 2, 2)
    figures = presence_figures([first, second], np.array([[1.0, 1.0], [1.0, 0.0]]))
    assert figures["presence_precision"] == pytest.approx(2 / 3)
    assert figures["presence_recall"] == pytest.approx(2 / 3)
    assert figures["num_objects_accuracy"] == 1.0


@pytest.mark.parametrize("stop, right", [(8, 1.0), (9, 0.0)], ids=["half", "less than half"])
def test_an_object_and_its_slot_overlap_by_half(stop, right):
    # The slot covers the object's 4 px and stop - 4 more: intersection over union 4 / stop.
    counts = overlap_counts(strip(id1=(0, 4)), strip(id1=(0, stop)), 1, 1)
    figures = presence_figures([counts], np.array([[1.0]]))
    assert figures["presence_precision"] == figures["presence_recall"] == right


def test_a_slot_that_does_not_claim_to_be_there_finds_nothing():
    counts = overlap_counts(strip(id1=(0, 4)), strip(id1=(0, 4)), 1, 1)
    assert presence_figures([counts], np.array([[0.4]])) == {
        "presence_precision": None, "presence_recall": 0.0, "num_objects_accuracy": 0.0,
    }


def test_clips_without_objects_can_be_counted_right():
    counts = overlap_counts(strip(), strip(), 1, 1)
    assert presence_figures([counts], np.array([[0.0]])) == {
        "presence_precision": None, "presence_recall": None, "num_objects_accuracy": 1.0,
    }
