"""A convolutional LSTM encoder-forecaster, to compare with: trained end to end through the pixels.

After Shi et al. 2015, "Convolutional LSTM network: a machine learning approach for precipitation nowcasting" (arXiv
1506.04214), without its peephole weights; frames are cut into 4x4 patches as there. 4 layers of 128 channels with 5x5
kernels are the size in which the PredRNN papers (Wang et al. 2017 and 2021, arXiv 2103.09504) compare with it.

Legend: B batch, T frames, C channels, H W frame, D hidden channels, h w frame in patches.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PATCH = 4
State = tuple[Tensor, Tensor]


class ConvLSTMLayer(nn.Module):
    """Input [B, D_in, h, w] (none at D_in = 0) and state (hidden, cell), each [B, D, h, w] -> next state."""

    def __init__(self, input_dim: int, hidden_dim: int, kernel: int):
        super().__init__()
        self.gates = nn.Conv2d(input_dim + hidden_dim, 4 * hidden_dim, kernel, padding=kernel // 2)

    def forward(self, x: Tensor | None, state: State) -> State:
        hidden, cell = state
        gates = self.gates(hidden if x is None else torch.cat([x, hidden], 1))
        admit, keep, show, new = gates.chunk(4, 1)
        cell = keep.sigmoid() * cell + admit.sigmoid() * new.tanh()
        return show.sigmoid() * cell.tanh(), cell


class ConvLSTMForecaster(nn.Module):
    """The encoder reads the context; the forecaster starts from its states, top layer first, and unrolls on its own."""

    def __init__(self, num_channels: int = 3, hidden_dim: int = 128, num_layers: int = 4, kernel: int = 5):
        super().__init__()
        self.hidden_dim, patch_dim = hidden_dim, num_channels * PATCH**2
        self.encoder, self.forecaster = (
            nn.ModuleList(ConvLSTMLayer(first if i == 0 else hidden_dim, hidden_dim, kernel) for i in range(num_layers))
            for first in (patch_dim, 0)
        )
        self.show = nn.Conv2d(num_layers * hidden_dim, patch_dim, 1)

    def forward(self, context: Tensor, horizon: int) -> Tensor:
        """[B, T, C, H, W] in [0, 1] -> the next frames [B, horizon, C, H, W]."""
        patches = F.pixel_unshuffle(context.flatten(0, 1), PATCH).unflatten(0, context.shape[:2])
        empty = patches.new_zeros(len(patches), self.hidden_dim, *patches.shape[-2:])
        states = [(empty, empty)] * len(self.encoder)
        for x in patches.unbind(1):
            states = _step(self.encoder, x, states)
        states, shown = states[::-1], []
        for _ in range(horizon):
            states = _step(self.forecaster, None, states)
            shown.append(self.show(torch.cat([hidden for hidden, _ in states], 1)))
        frames = F.pixel_shuffle(torch.stack(shown, 1).flatten(0, 1), PATCH)
        return frames.unflatten(0, (len(context), horizon)).sigmoid()


def _step(layers: nn.ModuleList, x: Tensor | None, states: list[State]) -> list[State]:
    after = []
    for layer, state in zip(layers, states, strict=True):
        after.append(layer(x, state))
        x = after[-1][0]
    return after


def convlstm_loss(model: ConvLSTMForecaster, frames: Tensor, context_frames: int) -> Tensor:
    """Squared error of the forecast of clips [B, T, C, H, W], per pixel and channel."""
    prediction = model(frames[:, :context_frames], frames.shape[1] - context_frames)
    return (prediction - frames[:, context_frames:]).square().mean()
