"""Clips taken apart in several processes."""

import multiprocessing
import os
import signal

import numpy as np
import pytest
import torch

from pipeline.autoencoder import many_clips
from pipeline.autoencoder.architecture_params import ProposalParams
from pipeline.autoencoder.proposals import propose
from pipeline.errors import UserError
from pipeline.frames.pixels import to_unit
from tests.autoencoder.clips import NO_SCENES
from tests.autoencoder.test_training_set import some_clips

PARAMS = ProposalParams(num_slots=2, object_px=8, patch_dim=8, canvas_margin=0)
SCENES, CPU = torch.from_numpy(NO_SCENES).float(), torch.device("cpu")


@pytest.fixture
def two_threads(monkeypatch):
    former = torch.get_num_threads()
    monkeypatch.setattr(many_clips, "WORTH_PROCESSES", 2)
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(former)


def workers() -> list:
    return multiprocessing.active_children()


def test_processes_give_the_same_bytes_in_order(two_threads):
    clips = some_clips(6)
    wanted, asked = propose(to_unit(clips), PARAMS, SCENES).tensors(), []

    def batches():
        for places in ([0], [1, 2], [0], [2]):
            asked.append(places)
            yield clips[places]

    found = []
    with many_clips.taking_apart(PARAMS, SCENES, CPU, len(clips)) as take_apart:
        for given, proposals in take_apart(batches()):
            found.append((given, proposals.tensors()))
            assert len(workers()) == 2
    assert not workers()
    assert len(found) == len(asked) == 4
    for places, (given, tensors) in zip(asked, found, strict=True):
        assert np.array_equal(given, clips[places])
        assert all(torch.equal(x, wanted[name][places]) for name, x in tensors.items())


def test_few_clips_and_one_thread_need_no_processes(two_threads, monkeypatch):
    clips = some_clips(6)

    def started(num_clips: int) -> int:
        with many_clips.taking_apart(PARAMS, SCENES, CPU, num_clips) as take_apart:
            assert len(list(take_apart([clips[:1]]))) == 1
            return len(workers())

    assert started(1) == 0
    torch.set_num_threads(1)
    assert started(100) == 0


def test_a_process_that_is_killed_is_said(two_threads):
    clips = some_clips(6)
    with pytest.raises(UserError, match="killed.*OMP_NUM_THREADS=1"):
        with many_clips.taking_apart(PARAMS, SCENES, CPU, 100) as take_apart:
            for _ in take_apart(clips[:1] for _ in range(50)):
                os.kill(workers()[0].pid, signal.SIGKILL)


def test_a_mistake_of_the_caller_ends_them(two_threads):
    clips = some_clips(6)
    with pytest.raises(ZeroDivisionError):
        with many_clips.taking_apart(PARAMS, SCENES, CPU, 100) as take_apart:
            for _ in take_apart(clips[:1] for _ in range(50)):
                raise ZeroDivisionError
    assert not workers()
