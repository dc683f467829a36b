from itertools import pairwise, product

import torch

from pipeline.autoencoder.best_path import best_path


def test_no_other_path_has_a_greater_total():
    score = torch.randn(4, 5, 3, generator=torch.Generator().manual_seed(0))
    price = torch.tensor([[0.0, 0.5, 2.0], [0.5, 0.0, 0.5], [2.0, 0.5, 0.0]])
    found = best_path(score, lambda total, _: (total[:, None] - price).amax(2),
                      lambda total, state, _: (total - price[state[:, 0]]).argmax(1, keepdim=True))
    assert found.shape == (4, 5)

    def total(clip, path):
        return sum(clip[t, s] for t, s in enumerate(path)) - sum(price[i, j] for i, j in pairwise(path))

    for clip, path in zip(score, found.tolist(), strict=True):
        assert total(clip, path) >= max(total(clip, other) for other in product(range(3), repeat=5)) - 1e-5


def test_what_it_takes_to_go_on_may_differ_from_frame_to_frame():
    score = torch.tensor([[[2.0, 0.0], [0.0, 0.6], [0.0, 0.0], [0.0, 3.0]]])
    price = torch.tensor([9.0, 9.0, 1.0])
    def arrive(total, t):
        return torch.maximum(total, total.flip(1) - price[t - 1])
    def origin(total, state, t):
        return torch.where(total.gather(1, 1 - state) - price[t - 1] > total.gather(1, state), 1 - state, state)
    assert best_path(score, arrive, origin).tolist() == [[0, 0, 0, 1]]
