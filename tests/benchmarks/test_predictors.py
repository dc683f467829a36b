"""The conventional predictors that layercast is compared with."""

import pytest
import torch
from torch.nn import functional as F

from benchmarks.convlstm import ConvLSTMForecaster, ConvLSTMLayer, convlstm_loss
from benchmarks.simvp import Inception, SimVP, simvp_loss
from benchmarks.svg import SVG, _divergence, svg_loss

MODELS = {
    "convlstm": (lambda: ConvLSTMForecaster(hidden_dim=8, num_layers=2, kernel=3), convlstm_loss, 16),
    "simvp": (lambda: SimVP(4, frame_dim=8, hidden_dim=16, num_modules=2), simvp_loss, 16),
    "svg": (lambda: SVG(8, 8, frame_dim=8, chance_dim=2, rnn_dim=8), svg_loss, 8),
}


def moving_bar(side: int) -> torch.Tensor:
    """Two clips of 8 frames: a bar that goes down, one that goes up."""
    frames = torch.zeros(2, 8, 3, side, side)
    for t in range(8):
        frames[0, t, :, t % side], frames[1, t, :, -1 - t % side] = 1, 1
    return frames


@pytest.mark.parametrize("name", MODELS)
def test_it_learns_to_forecast_and_sees_the_context_alone(name):
    build, loss, side = MODELS[name]
    torch.manual_seed(0)
    model, frames = build(), moving_bar(side)
    adam = torch.optim.Adam(model.parameters(), 5e-3)
    losses = []
    for _ in range(30):
        adam.zero_grad()
        losses.append(loss(model, frames, 4))
        losses[-1].backward()
        adam.step()
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters() if parameter.ndim > 1)
    model.eval()
    with torch.no_grad():
        future = model(frames[:, :4], 3)
    assert future.shape == (2, 3, 3, side, side) and 0 <= future.min() and future.max() <= 1


def test_published_sizes():
    def millions(model) -> float:
        return sum(parameter.numel() for parameter in model.parameters()) / 1e6

    assert millions(ConvLSTMForecaster()) == pytest.approx(23.6, abs=0.1)
    svg = SVG(64, 64)
    assert millions(svg) == pytest.approx(22.8, abs=0.1)
    assert len(svg.encoder.levels) == len(svg.decoder.levels) + 1 == 4
    assert len(SVG(128, 128).encoder.levels) == 5
    with pytest.raises(AssertionError, match="96x96: wanted"):
        SVG(96, 96)


@pytest.mark.parametrize("height, width", [(12, 16), (16, 8)])
def test_frames_need_not_be_square(height, width):
    context = torch.rand(1, 4, 3, height, width)
    for model in (SVG(height, width, frame_dim=8, chance_dim=2, rnn_dim=8), SimVP(4, frame_dim=8, hidden_dim=16)):
        assert model.eval()(context, 2).shape == (1, 2, 3, height, width)


def test_simvp_goes_on_from_what_it_made():
    model = SimVP(2, frame_dim=8, hidden_dim=16, num_modules=2).eval()
    context = torch.rand(1, 2, 3, 8, 8)
    first = model(context, 2)
    torch.testing.assert_close(model(context, 5), torch.cat([first, model(first, 3)], 1))


def test_a_module_of_simvp_adds_up_convolutions_of_all_kernels():
    module = Inception(4, 32, 16)
    x = torch.randn(1, 4, 6, 6)
    narrow = F.conv2d(x, module.narrow.weight, module.narrow.bias)
    expected = torch.zeros(1, 16, 6, 6)
    for kernel, (conv, norm, _) in zip((3, 5, 7, 11), module.branches, strict=True):
        assert conv.weight.shape == (16, 2, kernel, kernel)  # each of 8 groups sees 2 of 16 channels
        grouped = F.conv2d(narrow, conv.weight, conv.bias, padding=kernel // 2, groups=8)
        expected += F.leaky_relu(F.group_norm(grouped, 8, norm.weight, norm.bias), 0.2)
    torch.testing.assert_close(module(x), expected)


def test_a_convolutional_lstm_is_an_lstm_where_nothing_is_next_to_it():
    """With a 1x1 kernel each place is PyTorch's own LSTM cell, whose gates come in another order."""
    torch.manual_seed(0)
    layer, cell = ConvLSTMLayer(5, 4, 1), torch.nn.LSTMCell(5, 4)
    admit, keep, show, new = layer.gates.weight.flatten(1).chunk(4)
    weight = torch.cat([admit, keep, new, show])
    bias = torch.cat([layer.gates.bias.chunk(4)[i] for i in (0, 1, 3, 2)])
    with torch.no_grad():
        cell.weight_ih.copy_(weight[:, :5]), cell.weight_hh.copy_(weight[:, 5:])
        cell.bias_ih.copy_(bias), cell.bias_hh.zero_()
        x, state = torch.randn(3, 5), (torch.randn(3, 4), torch.randn(3, 4))
        expected = cell(x, state)
        found = layer(x[..., None, None], tuple(part[..., None, None] for part in state))
    for a, b in zip(expected, found, strict=True):
        torch.testing.assert_close(a, b[..., 0, 0])


def test_the_divergence_of_two_normal_distributions():
    a = torch.distributions.Normal(torch.tensor([[0.5, -1.0]]), torch.tensor([[2.0, 0.5]]))
    b = torch.distributions.Normal(torch.tensor([[0.0, 1.0]]), torch.tensor([[1.0, 3.0]]))
    expected = torch.distributions.kl_divergence(a, b).sum()
    found = _divergence(a.mean, 2 * a.stddev.log(), b.mean, 2 * b.stddev.log())
    torch.testing.assert_close(found, expected)
