"""Exchanges of looks on the model of test_evidence, whose appearance is a square's level."""

import numpy as np
import pytest
import torch

from pipeline.evaluation.swaps import AppearanceSwaps, with_looks_of
from pipeline.frames.pixels import to_uint8
from pipeline.latents.latents import Latents
from pipeline.metrics.exchanges import TrueClip
from tests.evaluation.test_evidence import decode, squares


def add(swaps: AppearanceSwaps, latents: Latents) -> None:
    drawn = decode(latents)
    segmented = drawn.segmentation()[0].numpy()
    ids = drawn.mask[0, :, 1].numpy().astype(np.uint8)
    position = latents.pose[0, :, 1:, :2].numpy()
    swaps.add(TrueClip(to_uint8(drawn.frames)[0], to_uint8(drawn.background)[0], ids, position), segmented, latents)


def test_looks_that_come_apart_from_tracks():
    swaps = AppearanceSwaps(decode)
    add(swaps, squares(0.4, 10, looks=0.2))
    assert swaps.psnr is None
    add(swaps, squares(0.8, 16, looks=1.0))
    assert swaps.psnr == 100


def test_an_appearance_that_knows_the_place():
    """Its second number pulls the square by as many px, which the track makes up for: so much is off after a swap."""
    def entangled(latents: Latents):
        pose = latents.pose.clone()
        pose[..., 0] += latents.appearance[:, None, :, 1]
        return decode(latents.replace(pose=pose))

    swaps = AppearanceSwaps(entangled)
    for level, x, looks, pull in ((0.4, 10, 0.2, 0.0), (0.8, 16, 1.0, 2.0)):
        plain = squares(level, x, looks)
        pose, appearance = plain.pose.clone(), plain.appearance.clone()
        appearance[:, 1, 1], pose[:, :, 1, 0] = pull, pose[:, :, 1, 0] - pull
        latents, drawn = plain.replace(pose=pose, appearance=appearance), decode(plain)
        truth = TrueClip(
            to_uint8(drawn.frames)[0], to_uint8(drawn.background)[0], drawn.mask[0, :, 1].numpy().astype(np.uint8),
            plain.pose[0, :, 1:, :2].numpy(),
        )
        swaps.add(truth, drawn.segmentation()[0].numpy(), latents)
    # 6 x 6 px at 2 px to the left of where they belong: of 4 x 4 px inside, 1 x 4 show the background, and of the
    # pixels around, which are not judged but for the uncovered ones, none
    judged, wrong = 16, 4
    assert swaps.psnr == pytest.approx(-10 * np.log10(wrong / judged * 0.6**2), abs=0.05)


def test_objects_without_a_slot_are_left_out():
    swaps = AppearanceSwaps(decode)
    add(swaps, squares(0.4, 10))
    absent = squares(0.8, 16)
    add(swaps, absent.replace(presence=torch.zeros(1, 2)))
    assert swaps.psnr is None


def test_the_size_goes_with_the_looks():
    latents, other = squares(0.4, 10, looks=0.3).frames(0, 1), squares(0.8, 16, looks=0.9).frames(2, 3)
    other.pose[..., 1, 2] = 0.5
    mixed = with_looks_of(latents, 1, other, 1)
    assert mixed.appearance[0, 1, 0] == pytest.approx(0.9) and mixed.appearance[0, 0].tolist() == [0, 0]
    assert mixed.pose[0, 0, 1].tolist() == [10, 16, 0.5, 0, 0, 1] and latents.pose[0, 0, 1, 2] == 0
