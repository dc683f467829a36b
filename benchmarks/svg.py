"""Stochastic video generation with a learned prior, to compare with: trained end to end through the pixels.

After Denton and Fergus 2018, "Stochastic video generation with a learned prior" (arXiv 1802.07687): SVG-LP with the VGG
encoder and decoder; an LSTM of 2 x 256 predicts, LSTMs of 256 give prior and posterior, g has 128 numbers, z has 10.
Their networks for 64 and 128 px are continued to 256 px by one more level of 512 channels, and to frames that are not
square: the longer side ends at 4 px.

Legend: B batch, T frames, C channels, H W frame, G numbers of a frame, Z numbers of chance.
"""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

KL_WEIGHT = 1e-4
_WIDTHS = (64, 128, 256, 512, 512, 512)
_CONVS = (2, 2, 3, 3, 3, 3)


class SVG(nn.Module):
    def __init__(
        self, height: int, width: int, num_channels: int = 3, frame_dim: int = 128, chance_dim: int = 10,
        rnn_dim: int = 256,
    ):
        super().__init__()
        self.encoder = Encoder((height, width), num_channels, frame_dim)
        self.decoder = Decoder((height, width), num_channels, frame_dim)
        self.predictor = LSTM(frame_dim + chance_dim, rnn_dim, 2, frame_dim)
        self.posterior = LSTM(frame_dim, rnn_dim, 1, 2 * chance_dim)
        self.prior = LSTM(frame_dim, rnn_dim, 1, 2 * chance_dim)

    @torch.no_grad()
    def forward(self, context: Tensor, horizon: int) -> Tensor:
        """[B, T, C, H, W] in [0, 1] -> one drawn future [B, horizon, C, H, W]."""
        states, frames, skips = [None] * 3, list(context.unbind(1)), None
        num_given = len(frames)
        for t in range(1, num_given + horizon):
            code, passed = self.encoder(frames[t - 1])
            skips = passed if t <= num_given else skips
            target = self.encoder(frames[t])[0] if t < num_given else None
            chance, states[:2] = self._chance(code, target, states[:2])
            known, states[2] = self.predictor(torch.cat([code, chance[0]], 1), states[2])
            if t >= num_given:
                frames.append(self.decoder(known.tanh(), skips))
        return torch.stack(frames[num_given:], 1)

    def _chance(self, code: Tensor, target: Tensor | None, states: list) -> tuple[tuple, list]:
        """z drawn from the posterior where the target's code is known, else from the prior; both distributions;
        states."""
        of_prior, prior_state = self.prior(code, states[0])
        prior, posterior, posterior_state = of_prior.chunk(2, 1), None, states[1]
        if target is not None:
            of_posterior, posterior_state = self.posterior(target, states[1])
            posterior = of_posterior.chunk(2, 1)
        mean, log_variance = posterior or prior
        drawn = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        return (drawn, prior, posterior), [prior_state, posterior_state]


def svg_loss(model: SVG, frames: Tensor, context_frames: int) -> Tensor:
    """Squared error of every frame but the first, each predicted from the one before, and KL_WEIGHT times the
    divergence of posterior and prior: their objective, on clips [B, T, C, H, W]. Skips come from the last context
    frame."""
    coded = [model.encoder(frame) for frame in frames.unbind(1)]
    states, skips, losses = [None] * 3, None, []
    for t in range(1, len(coded)):
        code, passed = coded[t - 1]
        skips = passed if t <= context_frames else skips
        (chance, prior, posterior), states[:2] = model._chance(code, coded[t][0], states[:2])
        known, states[2] = model.predictor(torch.cat([code, chance], 1), states[2])
        error = (model.decoder(known.tanh(), skips) - frames[:, t]).square().mean()
        losses.append(error + KL_WEIGHT * _divergence(*posterior, *prior))
    return torch.stack(losses).mean()


def _divergence(mean: Tensor, log_variance: Tensor, mean_0: Tensor, log_variance_0: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(mean_0, variance_0)), summed over Z, averaged over B."""
    ratio = (log_variance.exp() + (mean - mean_0).square()) / log_variance_0.exp()
    return (log_variance_0 - log_variance + ratio - 1).sum(1).mean() / 2


class Encoder(nn.Module):
    """[B, C, H, W] -> [B, G] in [-1, 1], and what each level passes to the decoder."""

    def __init__(self, size: tuple[int, int], num_channels: int, frame_dim: int):
        super().__init__()
        widths = _widths(size)
        self.levels = nn.ModuleList(
            _vgg(before, *[width] * convs)
            for before, width, convs in zip((num_channels, *widths[:-1]), widths, _CONVS[:len(widths)], strict=True)
        )
        self.last = nn.Sequential(
            nn.Conv2d(widths[-1], frame_dim, _smallest(size)), nn.BatchNorm2d(frame_dim), nn.Tanh()
        )

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        skips = []
        for level in self.levels:
            x = level(x)
            skips.append(x)
            x = F.max_pool2d(x, 2)
        return self.last(x).flatten(1), skips


class Decoder(nn.Module):
    """[B, G] and the encoder's levels -> [B, C, H, W] in [0, 1]."""

    def __init__(self, size: tuple[int, int], num_channels: int, frame_dim: int):
        super().__init__()
        widths = _widths(size)
        self.first = nn.Sequential(
            nn.ConvTranspose2d(frame_dim, widths[-1], _smallest(size)), nn.BatchNorm2d(widths[-1]),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.levels = nn.ModuleList(
            _vgg(2 * width, *[width] * (convs - 1), after)
            for width, after, convs in reversed(list(zip(widths[1:], widths[:-1], _CONVS[1:len(widths)], strict=True)))
        )
        self.last = nn.Sequential(
            _vgg(2 * widths[0], widths[0]), nn.ConvTranspose2d(widths[0], num_channels, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, code: Tensor, skips: list[Tensor]) -> Tensor:
        x = self.first(code[..., None, None])
        for level, skip in zip((*self.levels, self.last), reversed(skips), strict=True):
            x = level(torch.cat([F.interpolate(x, scale_factor=2, mode="nearest"), skip], 1))
        return x


class LSTM(nn.Module):
    """[B, D] and its state -> [B, D_out] and the next state."""

    def __init__(self, input_dim: int, hidden_dim: int, num_layers: int, output_dim: int):
        super().__init__()
        self.embed, self.output = nn.Linear(input_dim, hidden_dim), nn.Linear(hidden_dim, output_dim)
        self.cells = nn.ModuleList(nn.LSTMCell(hidden_dim, hidden_dim) for _ in range(num_layers))

    def forward(self, x: Tensor, states: list | None) -> tuple[Tensor, list]:
        x, after = self.embed(x), []
        for cell, state in zip(self.cells, states or [None] * len(self.cells), strict=True):
            after.append(cell(x, state))
            x = after[-1][0]
        return self.output(x), after


def _widths(size: tuple[int, int]) -> tuple[int, ...]:
    """Channels of the levels that halve the frame until its longer side has 4 px."""
    longer = max(size)
    levels = round(math.log2(longer)) - 2
    assert longer == 2 ** (levels + 2) and 1 <= levels <= len(_WIDTHS) and min(size) % 2**levels == 0, (
        f"{size[0]}x{size[1]}: wanted a longer side of 8 to 256, a power of 2, and quarters of it as the other"
    )
    return _WIDTHS[:levels]


def _smallest(size: tuple[int, int]) -> tuple[int, int]:
    """What they leave of it, px."""
    height, width = size
    return height >> len(_widths(size)), width >> len(_widths(size))


def _vgg(*widths: int) -> nn.Sequential:
    layers = []
    for before, after in pairwise(widths):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)]
    return nn.Sequential(*layers)
