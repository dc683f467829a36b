"""Masks in pixels of the source, and their run lengths."""

import numpy as np
import pytest
import torch

from pipeline.frames.frame_format import Preparation
from pipeline.frames.source_view import SourceView
from pipeline.tracks_export.outlines import lead, outline, run_lengths


def view(height: int, width: int, *, of: tuple[int, int], crop: str = "center") -> SourceView:
    return SourceView(height, width, 10, 10, Preparation(crop=crop).form(*of, 3))


def test_who_leads_is_who_shows_most():
    alpha = torch.rand(1, 2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    alpha = alpha / 2 / alpha.sum(2, keepdim=True) * torch.linspace(0.5, 2, 7)
    shares = torch.cat([1 - alpha.sum(2, keepdim=True), alpha], 2)
    found = lead(alpha)
    for slot in range(3):
        others = shares[:, :, [k for k in range(4) if k != slot + 1]].amax(2)
        torch.testing.assert_close(found[:, :, slot], alpha[:, :, slot] - others)


def test_where_frames_are_the_source_the_mask_is_theirs():
    leads = np.full((8, 8), -1.0, np.float32)
    leads[2:4, 0:3] = leads[4, 1] = 0.1
    found = outline(leads, view(8, 8, of=(8, 8)))
    assert found.box == (0, 2, 3, 3) and found.area == 7
    assert found.counts == run_lengths(leads > 0, (0, 0), (8, 8))
    assert outline(leads * 0 - 1, view(8, 8, of=(8, 8))) is None


def test_an_edge_lies_where_it_covers_half_of_a_pixel():
    """A rectangle from 2.5 to 6 along x and 1 to 3.75 along y in frames a quarter as large as the source, in which they
    lie 8 px to the right."""
    cover = np.outer(np.array([0, 1, 1, 0.75, 0, 0, 0, 0]), np.array([0, 0, 0.5, 1, 1, 1, 0, 0]))
    found = outline((2 * cover - 1).astype(np.float32), view(32, 48, of=(8, 8)))
    np.testing.assert_allclose(found.box, [8 + 10, 4, 14, 11], atol=0.5)


@pytest.mark.parametrize("seed", range(4))
def test_run_lengths_go_down_the_columns(seed):
    """Of masks at either corner, or that fill columns from top to bottom, too."""
    random = np.random.default_rng(seed)
    whole = np.zeros((5, 7), bool)
    part = random.random((5, 3) if seed == 3 else (3, 4)) < 0.7
    x, y = [(0, 0), (3, 2), (2, 1), (4, 0)][seed]
    part[0, 0], part[-1, -1] = seed != 2, True
    whole[y:y + part.shape[0], x:x + part.shape[1]] = part
    counts = run_lengths(part, (x, y), whole.shape)
    assert counts[0] == (0 if whole[0, 0] else counts[0]) and all(counts[1:]) and sum(counts) == whole.size
    assert np.array_equal(np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(7, 5).T, whole)


def test_run_lengths_of_nothing_and_of_all():
    assert run_lengths(np.zeros((2, 2), bool), (1, 1), (4, 5)) == [20]
    assert run_lengths(np.ones((4, 5), bool), (0, 0), (4, 5)) == [0, 20]
