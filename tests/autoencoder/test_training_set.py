from functools import partial

import numpy as np
import torch

from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.training_set import MAX_FRAMES_VALIDATED, TrainingSet
from pipeline.frames.pixels import to_uint8, to_unit
from tests.autoencoder.clips import NO_SCENES, line, moving_squares

PARAMS = ProposalParams(num_slots=2, object_px=8, patch_dim=8, canvas_margin=0)


def some_clips(num_frames: int) -> np.ndarray:
    """Three clips [3, T, 24, 24, 3] of one square each."""
    return np.concatenate([to_uint8(moving_squares(
        line((4, 5 + 3 * n), (12 / num_frames, 0.1), num_frames)[:, None], torch.tensor([[0.9, 0.3 * n, 0.1]]),
        side=7, px=24, seed=n,
    )[0]) for n in range(3)])


def make(clips: np.ndarray, folder, rows=(0, 1, 2), read=None, remember=lambda rows, compute: compute()) -> TrainingSet:
    where = read or clips.__getitem__, np.array(rows), PARAMS, NO_SCENES, folder
    return TrainingSet(*where, lambda count: None, remember)


def test_it_draws_the_same_clips_whatever_the_share(tmp_path):
    clips, told, kept = some_clips(6), [], []

    def remember(rows, compute):
        kept.extend(kept or [compute()])
        return kept[0]

    where = clips.__getitem__, np.array([0, 2]), PARAMS, NO_SCENES, tmp_path
    build = partial(TrainingSet, *where, told.append, remember)
    build()
    training_set = build()
    assert len(training_set) == sum(told) == 2, "the second one did not take what the first had made"

    def draw(share):
        return training_set.draw(4, 3, torch.Generator().manual_seed(5), share)

    frames, proposals = draw(slice(0, 4))
    assert frames.shape == (4, 3, 3, 24, 24) and proposals.sprites.centre.shape[:2] == (4, 3)
    halves = [draw(slice(0, 2)), draw(slice(2, 4))]
    assert torch.equal(torch.cat([half[0] for half in halves]), frames)
    assert torch.equal(torch.cat([half[1].sprites.centre for half in halves]), proposals.sprites.centre)


def test_frames_and_tracks_stay_together(tmp_path):
    clips = some_clips(6)
    training_set = make(clips, tmp_path, rows=(2, 0))
    frames, cut = training_set.frames(torch.tensor([1, 0]), torch.tensor([[5, 0], [1, 2]]))
    assert torch.equal(frames[0, 0], to_unit(clips[0, 5])) and torch.equal(frames[1, 1], to_unit(clips[2, 2]))
    assert torch.equal(cut.sprites.centre[0, 0], training_set.proposals.sprites.centre[1, 5])
    assert torch.equal(cut.background[1], training_set.proposals.background[0].float())


def test_a_step_holds_as_much_of_long_clips_as_of_short_ones(tmp_path):
    """One clip at a time is read, and of what it shows only the frames that are drawn stay; so too in validation."""
    def shapes(num_frames: int) -> list[torch.Size]:
        clips, read_at_once = some_clips(num_frames), []
        training_set = make(clips, tmp_path)
        training_set.read = lambda rows: read_at_once.append(len(rows)) or clips[rows]
        drawn = training_set.draw(4, 5, torch.Generator().manual_seed(0), slice(0, 4))
        looked_at = training_set.clips(torch.arange(3))
        assert set(read_at_once) == {1} and len(read_at_once) == 7
        return [x.shape for frames, proposals in (drawn, looked_at) for x in (frames, *proposals.tensors().values())]

    assert shapes(MAX_FRAMES_VALIDATED) == shapes(3 * MAX_FRAMES_VALIDATED)


def test_what_is_too_much_for_the_memory_lies_on_disk(tmp_path, monkeypatch):
    clips = some_clips(6)
    in_memory = make(clips, tmp_path / "a").draw(4, 3, torch.Generator().manual_seed(5), slice(0, 4))
    monkeypatch.setattr("pipeline.spill.SHARE_OF_MEMORY", 0.0)
    training_set = make(clips, tmp_path / "b")
    on_disk = training_set.draw(4, 3, torch.Generator().manual_seed(5), slice(0, 4))
    assert not (tmp_path / "a").exists()
    size = (tmp_path / "b/background.bin").stat().st_size
    assert size == training_set.proposals.background.numel() * training_set.proposals.background.element_size()
    expected, found = in_memory[1].tensors(), on_disk[1].tensors()
    assert len(found) > 5 and all(torch.equal(found[name], x) for name, x in expected.items())
