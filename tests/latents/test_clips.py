import numpy as np
import pytest
import torch

from pipeline.latents.clips import hold, random_windows, regular_windows, spread_windows, windows
from pipeline.latents.codes import CODES
from pipeline.latents.latents import Latents, LatentSpec

SPEC = LatentSpec(
    num_slots=2, background_dim=3, appearance_dim=4, height=16, width=24, detail_dim=2, deformation_dim=1
)


@pytest.fixture
def latents():
    """Five sequences of ten frames whose codes all say 100 * sequence + frame (or the sequence alone)."""
    codes = {}
    for name in CODES:
        value = 100.0 * torch.arange(5)
        if CODES[name].varies:
            value = value[:, None] + torch.arange(10)
        shape = (5, *SPEC.shape(name, 10))
        codes[name] = value.reshape(*value.shape, *[1] * (len(shape) - value.dim())).expand(shape).clone()
    return Latents(**codes)


def test_windows_cut_every_code_alike(latents):
    clips = windows(latents, torch.tensor([4, 0]), torch.tensor([2, 7]), 3).check(SPEC)
    assert clips.pose[:, :, 0, 0].tolist() == [[402, 403, 404], [7, 8, 9]]
    assert clips.camera[1, :, 0].tolist() == [7, 8, 9]
    assert clips.depth[:, 0].tolist() == [400, 0]


def test_random_windows_cover_all_places_and_repeat_by_their_seed(latents):
    def draw(seed):
        return random_windows(latents, 4, 500, torch.Generator().manual_seed(seed)).check(SPEC).pose[:, :, 0, 0]

    drawn = draw(0)
    assert torch.equal(drawn, draw(0)) and not torch.equal(drawn, draw(1))
    assert set(drawn[:, 0].tolist()) == {100 * row + start for row in range(5) for start in range(7)}
    assert torch.equal(drawn[:, 3], drawn[:, 0] + 3)


def test_regular_windows_cover_every_frame_once(latents):
    batches = [clips.check(SPEC).pose[:, :, 0, 0] for clips in regular_windows(latents, 5, 4)]
    assert [len(batch) for batch in batches] == [4, 4, 2]
    assert torch.cat(batches).flatten().tolist() == latents.pose[:, :, 0, 0].flatten().tolist()
    assert [len(clips.pose) for clips in regular_windows(latents, 6, 4)] == [4, 1]


@pytest.mark.parametrize("share_of_memory", [0.25, 0.0])
def test_what_is_held_is_read_once_and_piece_by_piece(latents, tmp_path, monkeypatch, share_of_memory):
    monkeypatch.setattr("pipeline.spill.SHARE_OF_MEMORY", share_of_memory)
    monkeypatch.setattr("pipeline.latents.clips.ROWS_AT_ONCE", 2)
    asked = []

    def read(rows):
        asked.append(rows.tolist())
        return latents.map(lambda code: code[rows])

    held = hold(read, np.array([4, 1, 3]), tmp_path / "held").check(SPEC)
    assert asked == [[4, 1], [3]] and (tmp_path / "held").exists() == (share_of_memory == 0)
    assert all(torch.equal(code, latents.codes[name][[4, 1, 3]]) for name, code in held.codes.items())


def test_spread_windows_are_all_or_evenly_spaced(latents, monkeypatch):
    (every,) = regular_windows(latents, 5, 100)
    assert all(map(torch.equal, spread_windows(latents, 5).codes.values(), every.codes.values()))
    monkeypatch.setattr("pipeline.latents.clips.MAX_WINDOWS", 4)
    assert spread_windows(latents, 5).pose[:, 0, 0, 0].tolist() == [0, 105, 300, 405]


def test_clips_longer_than_the_sequences_are_refused(latents):
    with pytest.raises(AssertionError):
        random_windows(latents, 11, 1, torch.Generator())
    with pytest.raises(AssertionError):
        next(regular_windows(latents, 11, 1))
