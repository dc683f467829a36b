import math

import torch

from pipeline.predictor.draws import Draws


def draws(num_samples: int, seed: int = 0) -> Draws:
    return Draws(torch.Generator().manual_seed(seed), num_samples)


def test_each_sample_of_a_clip_has_its_own_share_of_the_unit_interval():
    uniform = draws(20).uniform((3 * 20, 4, 2), torch.device("cpu")).unflatten(0, (3, 20))
    shares = (uniform * 20).floor().long()
    assert torch.equal(shares.sort(1).values, torch.arange(20)[None, :, None, None].expand_as(shares))
    orders = shares.movedim(1, -1).flatten(0, 2)
    assert len({tuple(order.tolist()) for order in orders}) == len(orders), "an order of its own for every number"


def test_one_sample_is_distributed_as_if_drawn_freely():
    """Over many clips, whichever of the samples is looked at, and whatever number beside the other."""
    uniform = draws(5).uniform((20_000 * 5, 2), torch.device("cpu")).unflatten(0, (-1, 5))
    for sample in (0, 4):
        one = uniform[:, sample]
        counts = torch.histc(one, 10, 0, 1) / one.numel()
        torch.testing.assert_close(counts, torch.full((10,), 0.1), atol=0.005, rtol=0)
        assert torch.corrcoef(one.T)[0, 1].abs() < 0.02


def test_sech_has_its_quantiles():
    values = draws(5).sech(torch.empty(50_000)).sort().values
    quantile = 2 / math.pi * math.log(math.tan(0.475 * math.pi))
    wanted = torch.tensor([-quantile, 0, quantile])
    torch.testing.assert_close(values[[2_500, 25_000, 47_500]], wanted, atol=0.03, rtol=0)
    assert abs(values.std().item() - 1) < 0.02 and values.isfinite().all()


def test_the_seed_decides_every_number():
    one, same, other = (draws(2, seed).sech(torch.empty(8, 3)) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other)
