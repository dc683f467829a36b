import pytest
import torch

from pipeline.autoencoder.architecture_params import ArchitectureParams
from pipeline.autoencoder.autoencoder import Autoencoder, AutoencoderConfig
from pipeline.autoencoder.initialise import initialise
from pipeline.autoencoder.losses import reconstruction_loss, split_batch
from pipeline.autoencoder.proposals import propose
from pipeline.autoencoder.train_autoencoder_params import LossParams
from pipeline.training.memory import bytes_kept
from tests.autoencoder.clips import line, moving_squares

ARCHITECTURE = ArchitectureParams(
    num_slots=2, object_px=8, patch_dim=8, canvas_margin=0, background_channels=6, appearance_dim=4, hidden_dim=8
)
PARAMS = LossParams(object_weight=3, picture_weight=1)


@pytest.fixture(scope="module")
def batch():
    """Five clips of 6 frames; the last one shows no object, so that clips weigh differently."""
    frames = torch.cat([
        moving_squares(
            line((4 + n, 5), (2, 1), 6)[:, None], torch.tensor([[0.9, 0.2 * n, 0.1]]), side=5 + n, px=24, seed=n
        )[0] for n in range(4)
    ])
    frames = torch.cat([frames, frames[:1, :1].expand(1, 6, -1, -1, -1)])
    return frames, propose(frames, ARCHITECTURE)


@pytest.fixture
def model(batch):
    torch.manual_seed(0)
    model = Autoencoder(AutoencoderConfig(architecture=ARCHITECTURE, num_channels=3, height=24, width=24))
    initialise(model, batch[1])
    for parameter in model.parameters():
        # some start at zero, and so would the gradients behind them
        parameter.data += 0.02 * torch.randn_like(parameter)
    return model


def outcome(model, parts, **settings) -> tuple[dict, list]:
    """The parts' figures and gradients added up."""
    model.zero_grad()
    totals: dict[str, torch.Tensor] = {}
    for frames, proposals, whole in parts:
        losses = reconstruction_loss(model, frames, proposals, PARAMS, whole, **settings)
        losses["loss"].backward()
        totals = {name: totals.get(name, 0) + value.detach() for name, value in losses.items()}
    return totals, [parameter.grad.clone() for parameter in model.parameters()]


def assert_same(one, other) -> None:
    torch.testing.assert_close(one[0], other[0], rtol=1e-5, atol=1e-7)
    for a, b in zip(one[1], other[1], strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5 * a.abs().max().item())


@pytest.mark.parametrize("num_clips", [1, 2, 4])
def test_gradients_do_not_depend_on_the_parts(model, batch, num_clips):
    parts = split_batch(batch, num_clips, PARAMS)
    assert [len(frames) for frames, _, _ in parts] == [num_clips] * (5 // num_clips) + [1] * (5 % num_clips > 0)
    whole = outcome(model, [(*batch, None)])
    assert whole[0]["loss"] > 0 and all(gradient.abs().max() > 0 for gradient in whole[1])
    assert_same(whole, outcome(model, parts))


def test_a_part_alone_weighs_otherwise(model, batch):
    """What the test above would not notice if clips weighed alike."""
    frames, proposals = batch
    parts = [(frames[i:i + 1], proposals.take(torch.tensor([i])), None) for i in range(5)]
    with pytest.raises(AssertionError):
        assert_same(outcome(model, [(*batch, None)]), outcome(model, parts))


def test_recomputing_gives_the_same_gradients(model, batch):
    assert_same(outcome(model, [(*batch, None)]), outcome(model, [(*batch, None)], recompute=True))


def test_recomputing_keeps_next_to_nothing_for_more_frames(model, batch):
    def kept(num_frames: int, recompute: bool) -> int:
        frames, proposals = batch[0][:, :num_frames], propose(batch[0][:, :num_frames], ARCHITECTURE)
        def loss() -> torch.Tensor:
            return reconstruction_loss(model, frames, proposals, PARAMS, None, recompute)["loss"]
        return bytes_kept([model], loss)

    each = (kept(6, False) - kept(4, False)) / 2
    assert (kept(6, True) - kept(4, True)) / 2 < each / 10
