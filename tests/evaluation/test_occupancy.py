"""Whose mask a slot's probability is held against."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.occupancy import FOUND, TRUE, OccupancyScores
from pipeline.latents import pose as poses
from tests.evaluation.test_forecast import latents

GIVEN, STEPS, SIDE = 2, 3, 8
LEFT, RIGHT = (slice(0, 8), slice(0, 3)), (slice(0, 8), slice(5, 8))


def ids(left: int, right: int, num_frames: int) -> np.ndarray:
    shown = np.zeros((1, num_frames, SIDE, SIDE), np.uint8)
    shown[(..., *LEFT)], shown[(..., *RIGHT)] = left, right
    return shown


def occupancy(num_slots: int, **share_of_slot: int) -> np.ndarray:
    """left, right: slots that are certain to be there."""
    shares = np.zeros((1, STEPS, num_slots, SIDE, SIDE), np.uint8)
    for place, slot in share_of_slot.items():
        shares[:, :, slot][(..., *(LEFT if place == "left" else RIGHT))] = 255
    return shares


def test_true_objects_are_those_of_the_slots_that_showed_them_in_the_given_frames():
    true_ids, context = ids(2, 1, GIVEN + STEPS), ids(1, 3, GIVEN)  # object 2 is in slot 0, object 1 in slot 2
    right, swapped = OccupancyScores(), OccupancyScores()
    right.add_truth(occupancy(3, left=0, right=2), np.array([[1.0, 0, 1]]), true_ids, context, 2)
    swapped.add_truth(occupancy(3, left=2, right=0), np.array([[1.0, 0, 1]]), true_ids, context, 2)
    assert right.figures(5)["calibration_error"] == pytest.approx(0, abs=1e-9)
    assert swapped.figures(5)["calibration_error"] > 0.8
    assert right.figures(5)["made_from"] == [TRUE]


def test_a_slot_of_no_object_is_wrong_and_an_empty_one_is_not_asked():
    context, true_ids = ids(1, 2, GIVEN), ids(1, 0, GIVEN + STEPS)
    ghost, empty = OccupancyScores(), OccupancyScores()
    ghost.add_truth(occupancy(2, left=0, right=1), np.array([[1.0, 1.0]]), true_ids, context, 1)
    empty.add_truth(occupancy(2, left=0, right=1), np.array([[1.0, 0.2]]), true_ids, context, 1)
    assert ghost.figures(5)["shares"]["calibration_error"] == pytest.approx(0.5)
    assert empty.figures(5)["shares"]["calibration_error"] == pytest.approx(0)


def test_without_truth_masks_of_the_whole_sequence_are_matched_by_track():
    """The sequence has the forecast's slot 0 in its slot 1, and an object that the forecast does not know."""
    def tracks(*x: float) -> torch.Tensor:
        pose = torch.full((1, GIVEN + STEPS, 2, len(poses.COMPONENTS)), 4.0)
        pose[:, :, :, 0] = torch.tensor(x)
        return pose

    context, whole = latents(tracks(1.5, 40)[:, :GIVEN]), latents(tracks(6.5, 1.5))
    context, whole = context.replace(presence=torch.tensor([[1.0, 0]])), whole.replace(presence=torch.ones(1, 2))
    scores = OccupancyScores()
    scores.add_found(occupancy(2, left=0), context, whole, ids(2, 1, STEPS))
    figures = scores.figures(5)
    assert figures["calibration_error"] == pytest.approx(0, abs=1e-9) and figures["made_from"] == [FOUND]
    assert figures["cases_by_bin"][-1] == STEPS * 8 * 3


def test_what_is_kept_does_not_grow_with_the_clips():
    scores = OccupancyScores()
    for _ in range(3):
        scores.add_truth(occupancy(1, left=0), np.ones((1, 1)), ids(1, 0, GIVEN + STEPS), ids(1, 0, GIVEN), 1)
    assert scores._cases.shape == (STEPS, 256, 2) and scores.figures(5)["cases_by_bin"][-1] == 3 * STEPS * 8 * 3


def test_where_generate_left_it_out_nothing_is_said():
    assert OccupancyScores().figures(5) is None
