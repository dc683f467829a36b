import pytest
import torch
from torch import nn

from pipeline.errors import UserError
from pipeline.training.memory import bytes_kept, bytes_of_weights, clips_at_once

MIB = 2**20


@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_each_piece_of_memory_counts_once_and_weights_do_not(device):
    with torch.device(device):
        model, x = nn.Linear(64, 256, bias=False), torch.ones(1024, 64)
    assert bytes_kept([model], lambda: model(x).sum()) == x.nbytes
    assert bytes_kept([model], lambda: (model(x) + model(x[:512]).sum()).sum()) == x.nbytes, "a view is the same memory"
    assert bytes_kept([model], lambda: model(x).sigmoid().sum()) == x.nbytes + 1024 * 256 * 4
    assert bytes_kept([], lambda: model(x).sum()) == x.nbytes
    assert bytes_of_weights([model]) == 4 * 64 * 256 * 4


def test_memory_that_was_freed_does_not_hide_what_takes_its_place():
    weight = torch.ones((), requires_grad=True)

    def loss():
        total = weight * 0
        for _ in range(5):
            total = total + (weight * torch.ones(MIB // 4)).sum()  # keeps the ones, 1 MiB each time
        return total

    assert 5 * MIB <= bytes_kept([], loss) < 5.01 * MIB


class Widening(nn.Module):
    """Keeps 1 MiB for every clip."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def loss(self, num_clips: int) -> torch.Tensor:
        return (self.weight * torch.ones(num_clips, MIB // 4)).sum()


@pytest.mark.parametrize("budget_mib, chosen", [(3, 1), (7, 3), (9, 4), (1000, 4)])
def test_as_many_clips_as_the_budget_allows(budget_mib, chosen, capsys):
    """A clip counts twice: what it keeps, and what passes through."""
    model = Widening()
    assert clips_at_once(budget_mib / 1024, 4, model, model.loss) == chosen
    assert f"{chosen} of 4 clips at once" in capsys.readouterr().err


def test_a_budget_too_small_for_one_clip_is_refused():
    model = Widening()
    with pytest.raises(UserError, match="memory_budget is 0.001 GiB, but a training step of one clip takes 0.002 GiB"):
        clips_at_once(0.001, 4, model, model.loss)
