import torch

from pipeline.autoencoder.least_squares import damped, solve


def test_two_unknowns_are_solved_as_more_are():
    columns = torch.randn(5, 7, 20, 2, generator=torch.Generator().manual_seed(0))
    normal, wanted = columns.transpose(-1, -2) @ columns, torch.randn(5, 7, 2)
    right = (normal @ wanted[..., None])[..., 0]
    torch.testing.assert_close(solve(normal, right), wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(solve(torch.eye(3).expand(2, 3, 3), torch.ones(2, 3)), torch.ones(2, 3))


def test_where_the_data_do_not_tell_nothing_changes():
    normal, right = torch.zeros(2, 3, 3), torch.zeros(2, 3)
    assert (solve(damped(normal, 1e-6), right) == 0).all()
    ridge = torch.tensor([1.0, 3.0])
    assert torch.equal(damped(torch.ones(2, 2, 2), ridge)[1], torch.tensor([[4.0, 1.0], [1.0, 4.0]]))
