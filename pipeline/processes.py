"""The processes that work on one thing together (torchrun starts several), and the device of each."""

import torch
from accelerate import PartialState


def processes() -> PartialState:
    """The state that all of accelerate shares; the first call decides on the device.

    That is a CUDA device or the CPU, as everywhere here. accelerate by itself would take a Mac's GPU (MPS), which lacks
    float64, in which least squares are solved, and with processes of torchrun a GPU even where there is none.
    """
    return PartialState(cpu=not torch.cuda.is_available())
