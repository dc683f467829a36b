"""The processes that work on one thing together (torchrun starts several), and the device of each."""

import os

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """The state that all of accelerate shares; the first call decides on the device.

    That is a CUDA device or the CPU, as everywhere here. accelerate by itself would take a Mac's GPU (MPS), which lacks
    float64, in which least squares are solved, and with processes of torchrun a GPU even where there is none. Where
    processes outnumber the GPUs they share them, joined by gloo: NCCL wants a GPU for each.
    """
    on_gpu = torch.cuda.is_available()
    if not on_gpu or int(os.environ.get("LOCAL_WORLD_SIZE", "1")) <= torch.cuda.device_count():
        return PartialState(cpu=not on_gpu)
    state = PartialState(backend="gloo")
    state.local_process_index %= torch.cuda.device_count()  # accelerate takes it for the number of the GPU
    return state
