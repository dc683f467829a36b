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
