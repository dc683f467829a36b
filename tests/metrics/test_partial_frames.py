"""psnr over parts of frames, and the truth of an exchanged background."""

import numpy as np
import pytest

from pipeline.metrics.frame_quality import MAX_PSNR
from pipeline.metrics.partial_frames import exchange_background, off_edges, psnr_within


def test_only_marked_pixels_count_and_frames_without_any_do_not():
    target = np.full((1, 3, 4, 4, 3), 100, dtype=np.uint8)
    frames, within = target.copy(), np.zeros((1, 3, 4, 4), dtype=bool)
    within[0, 0, 0, :2] = within[0, 2, 1:3, 1:3] = True
    frames[0, 0, 0, 0] += 10  # one of the two marked pixels
    frames[0, 0, 3, 3] += 100  # not marked
    frames[0, 1] += 50  # no pixel marked
    psnr = psnr_within(frames, target, within)
    assert psnr.tolist() == pytest.approx([-10 * np.log10((10 / 255) ** 2 / 2), MAX_PSNR])


def test_objects_keep_their_pixels_over_the_other_background():
    frames, background = np.full((1, 1, 2, 2, 3), 7, np.uint8), np.full((1, 1, 2, 2, 3), 200, np.uint8)
    segmentation = np.array([[[[0, 1], [2, 0]]]])
    assert exchange_background(frames, segmentation, background)[0, 0, :, :, 0].tolist() == [[200, 7], [7, 200]]


def test_edges_are_where_object_and_background_touch_even_by_a_corner():
    segmentation = np.zeros((1, 1, 7, 7), dtype=np.uint8)
    segmentation[..., 3:, 3:] = 1
    segmentation[..., 3:, 5:] = 2  # where two objects touch is no edge to the background
    inside = off_edges(segmentation)[0, 0]
    wanted = np.ones((7, 7), dtype=bool)
    wanted[2:4, 2:] = wanted[2:, 2:4] = False
    np.testing.assert_array_equal(inside, wanted)
    # neighbours are looked for in the frame, not in time
    assert off_edges(np.stack([np.zeros((1, 3, 3)), np.ones((1, 3, 3))], 1)).all()
