import pytest
import torch
from accelerate import PartialState

from pipeline.processes import processes


@pytest.fixture
def fresh():
    PartialState._reset_state()
    yield
    PartialState._reset_state()


def test_a_macs_gpu_is_left_aside(fresh, monkeypatch):
    """It has no float64; what accelerate takes, generate and evaluate would not."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(PartialState, "default_device", property(lambda _: torch.device("mps")))
    assert PartialState().device.type == "mps"
    PartialState._reset_state()
    assert processes().device.type == "cpu" == PartialState().device.type


@pytest.mark.parametrize("num_gpus, backend, index", [(4, None, 3), (2, "gloo", 1), (1, "gloo", 0)])
def test_processes_that_outnumber_the_gpus_share_them(monkeypatch, num_gpus, backend, index):
    class State:
        local_process_index = 3

        def __init__(self, cpu=False, backend=None):
            self.cpu, self.backend = cpu, backend

    monkeypatch.setattr("pipeline.processes.PartialState", State)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: num_gpus)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    state = processes()
    assert not state.cpu and state.backend == backend and state.local_process_index == index
