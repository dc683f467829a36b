import pytest
import torch

from pipeline.autoencoder.principal_components import Prior, principal_axes, principal_components, simple_structure


def test_axes_are_the_most_energetic_ones_first_and_of_fixed_sign():
    rows = torch.randn(50, 4, generator=torch.Generator().manual_seed(0)) * torch.tensor([1.0, 3.0, 0.5, 2.0])
    axes, energy = principal_axes(rows.T @ rows)
    torch.testing.assert_close(axes @ axes.T, torch.eye(4), atol=1e-5, rtol=0)
    torch.testing.assert_close((rows @ axes.T).square().sum(0), energy, atol=0, rtol=1e-4)
    assert (energy.diff() <= 0).all() and (axes.amax(1) == axes.abs().amax(1)).all()


def test_principal_components_are_those_of_the_data():
    generator = torch.Generator().manual_seed(0)
    directions = torch.linalg.qr(torch.randn(6, 6, generator=generator))[0][:2]
    rows = torch.randn(500, 2, generator=generator) * torch.tensor([3.0, 1.0]) @ directions + 5
    mean, components, scale = principal_components(rows, 4)
    torch.testing.assert_close((components[:2] @ directions.T).abs(), torch.eye(2), atol=0.05, rtol=0)
    torch.testing.assert_close(scale[:2], torch.tensor([3.0, 1.0]), atol=0.15, rtol=0)
    torch.testing.assert_close(mean, rows.mean(0))
    assert principal_components(rows, 9)[1].shape == (9, 6)


def test_a_prior_adds_what_few_rows_lack_and_takes_nothing_from_many():
    generator = torch.Generator().manual_seed(0)
    spread = torch.tensor([3.0, 2.0, 1.0, 0.5, 0.2, 0.1])
    rows, others = (torch.randn(n, 6, generator=generator) * spread + 5 for n in (2000, 200))
    prior = Prior(torch.diag(7 * spread.square()), 10)

    def left_over(num_rows: int, prior: Prior | None) -> float:
        mean, components, _ = principal_components(rows[:num_rows], 3, prior=prior)
        centred = others - mean
        return (centred - centred @ components.T @ components).square().mean().item()

    assert left_over(3, prior) < 0.7 * left_over(3, None)
    assert left_over(2000, prior) == pytest.approx(left_over(2000, None), rel=1e-3)
    scale = principal_components(rows[:200], 3, prior=prior)[2]
    torch.testing.assert_close(scale, spread[:3], atol=0, rtol=0.15)


def test_simple_structure_finds_the_parts_of_which_pictures_are_made():
    generator = torch.Generator().manual_seed(0)
    parts = torch.zeros(3, 12)
    for i in range(3):
        parts[i, 4 * i:4 * i + 4] = torch.tensor([1.0, 2.0, 2.0, 1.0]) / 10**0.5
    strengths = torch.randn(4000, 3, generator=generator) * torch.tensor([1.1, 1.0, 0.9])
    mixture = torch.linalg.qr(torch.randn(3, 3, generator=generator))[0]
    _, *mixed = principal_components(strengths @ mixture @ parts + 5, 4)
    components, scale = simple_structure(*mixed)
    found = (components[:3] @ parts.T).abs()
    torch.testing.assert_close(found.amax(1), torch.ones(3), atol=0.01, rtol=0)
    assert sorted(found.argmax(1).tolist()) == [0, 1, 2] and (mixed[0][:3] @ parts.T).abs().amax(1).min() < 0.95
    torch.testing.assert_close(components.T @ components, mixed[0].T @ mixed[0], atol=1e-5, rtol=0)  # the same space
    assert torch.equal(components[3], mixed[0][3])
    torch.testing.assert_close(scale[:3].square().sum(), mixed[1][:3].square().sum())
