"""LPIPS: distance between pictures in the features of a classifier (Zhang et al. 2018, arXiv 1801.03924, version 0.1).

The weights are the user's: the state dict of the reference package's `lpips.LPIPS(net="alex")` or `net="vgg"`, the
classifier and the linear heads in one file, as .safetensors or as .pt that holds tensors alone. The layers have their
names here.

Legend: n pictures, C channels, H W px.
"""

import io
import pickle

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.metrics.network_file import NetworkFile, read_network

KEY = "evaluate.lpips"
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""What a picture in [-1, 1] is normalised by, per channel."""
_VALUES_AT_ONCE = 2**19
_Conv = tuple[int, int, int, int]  # channels, kernel, stride, padding
_Layer = _Conv | tuple[int, int] | None  # of a pooling: kernel, stride; None: rectify
_RELU: _Layer = None
_ALEX: list[list[_Layer]] = [
    [(64, 11, 4, 2), _RELU], [(3, 2), (192, 5, 1, 2), _RELU], [(3, 2), (384, 3, 1, 1), _RELU],
    [(256, 3, 1, 1), _RELU], [(256, 3, 1, 1), _RELU],
]
_VGG: list[list[_Layer]] = [
    [*([(2, 2)] if i else []), *[(channels, 3, 1, 1), _RELU] * count]
    for i, (channels, count) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)))
]
BACKBONES = {"alex": (_ALEX, 31), "vgg": (_VGG, 16)}
"""Slices after which features are compared, and the least side of a picture, px."""


class Lpips(nn.Module):
    """Untrained until its state dict is loaded."""

    def __init__(self, backbone: str):
        super().__init__()
        self.backbone = backbone
        slices, self.min_side = BACKBONES[backbone]
        self.net, number, channels = nn.Module(), 0, 3
        for i, layers in enumerate(slices):
            part = nn.Sequential()
            for layer in layers:
                part.add_module(str(number), _build(layer, channels))
                channels = layer[0] if layer is not None and len(layer) == 4 else channels
                number += 1
            self.net.add_module(f"slice{i + 1}", part)
            head = nn.Module()
            head.model = nn.Sequential(nn.Dropout(), nn.Conv2d(channels, 1, 1, bias=False))
            self.add_module(f"lin{i}", head)

    def forward(self, frames: Tensor, target: Tensor) -> Tensor:
        """Pictures [n, 3, H, W] in [0, 1] -> [n]."""
        shift, scale = (frames.new_tensor(value)[:, None, None] for value in (SHIFT, SCALE))
        one, two = ((2 * pictures - 1 - shift) / scale for pictures in (frames, target))
        total = frames.new_zeros(len(frames))
        for i, part in enumerate(self.net.children()):
            one, two = part(one), part(two)
            difference = (_normalised(one) - _normalised(two)).square()
            head = getattr(self, f"lin{i}").model(difference)
            total = total + head.mean((1, 2, 3))
        return total

    @torch.inference_mode()
    def distance(self, frames: Tensor, target: Tensor) -> np.ndarray:
        """Pictures [..., 1 or 3, H, W] in [0, 1] -> float64 [...]."""
        leading, device = frames.shape[:-3], next(self.parameters()).device
        at_once = max(1, _VALUES_AT_ONCE // frames.shape[-3:].numel())
        pairs = zip(*(x.reshape(-1, *x.shape[-3:]).split(at_once) for x in (frames, target)), strict=True)
        parts = [self(*(x.to(device).expand(-1, 3, -1, -1) for x in pair)).double().cpu() for pair in pairs]
        return torch.cat(parts).reshape(leading).numpy()


def load_lpips(file: NetworkFile, height: int, width: int) -> Lpips:
    """The network of a file, in eval mode. Raises UserError when the file is not the one meant, holds something else,
    or frames of height x width px are too small for it."""
    tensors = _tensors(file, read_network(file, KEY))
    backbone = "vgg" if "net.slice5.28.weight" in tensors else "alex"
    model = Lpips(backbone)
    # newer versions of the package name the heads twice and keep shift and scale among the weights
    known = {name: tensors[name] for name in tensors if not name.startswith(("lins.", "scaling_layer."))}
    try:
        model.load_state_dict(known)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise UserError(
            f'{KEY}: {file.path} is no state dict of lpips.LPIPS(net="alex" or "vgg") ({reason})'
        ) from error
    if min(height, width) < model.min_side:
        raise UserError(
            f"{KEY}: frames of {width}x{height} px are too small, {backbone} wants {model.min_side} px at least; "
            "set it to null"
        )
    return model.eval()


def _build(layer: _Layer, channels: int) -> nn.Module:
    if layer is None:
        return nn.ReLU()
    return nn.Conv2d(channels, *layer) if len(layer) == 4 else nn.MaxPool2d(*layer)


def _normalised(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def _tensors(file: NetworkFile, content: bytes) -> dict[str, Tensor]:
    try:
        if file.path.suffix == ".safetensors":
            return safetensors.torch.load(content)
        tensors = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return {str(name): tensor for name, tensor in tensors.items()}
    except (SafetensorError, pickle.UnpicklingError, RuntimeError, EOFError, AttributeError) as error:
        reason = str(error).splitlines()[0][:160]
        raise UserError(
            f"{KEY}: {file.path} holds no state dict (.safetensors, or .pt of tensors alone): {reason}"
        ) from error
