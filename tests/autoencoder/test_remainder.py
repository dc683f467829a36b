from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from pipeline.autoencoder.displacement import Seen
from pipeline.autoencoder.remainder import DeformationCode, DetailCode, frame_motion
from pipeline.errors import UserError


def basis(num: int) -> torch.Tensor:
    return torch.linalg.qr(torch.randn(num, num, generator=torch.Generator().manual_seed(0))).Q


def test_a_detail_code_as_wide_as_the_frame_loses_nothing():
    code = DetailCode(num_channels=1, height=12, width=20, detail_dim=64 * 6)
    code.fit(basis(64), torch.rand(64, 6))
    remainder = torch.randn(2, 1, 12, 20, generator=torch.Generator().manual_seed(1))
    assert code.encode(remainder).shape == (2, 384)
    torch.testing.assert_close(code.decode(code.encode(remainder)), remainder, atol=1e-3, rtol=0)


def test_detail_numbers_go_where_most_is_left_over():
    """Two blocks side by side: all that varies, by two patterns, lies in the right one."""
    code = DetailCode(num_channels=1, height=8, width=16, detail_dim=2)
    energy = torch.zeros(64, 2)
    energy[:2, 1] = torch.tensor([4.0, 1.0])
    code.fit(torch.eye(64), energy)
    remainder = torch.zeros(1, 1, 8, 16)
    remainder[0, 0, 0, 8:10] = torch.tensor([6.0, -3.0])  # the first two pixels of the right block
    torch.testing.assert_close(code.encode(remainder), torch.tensor([[3.0, -3.0]]))  # in standard deviations
    torch.testing.assert_close(code.decode(code.encode(remainder)), remainder)
    remainder[0, 0, 0, :8] = 1.0
    assert code.decode(code.encode(remainder))[..., :8].abs().max() == 0


def a_disc(num: int = 1) -> Seen:
    """Discs of 12 px before noise, exactly as their pictures say."""
    y, x = torch.meshgrid(torch.arange(16.0) - 7.5, torch.arange(16.0) - 7.5, indexing="ij")
    mask = torch.sigmoid(2 * (6 - (x**2 + y**2).sqrt())).expand(num, 1, 16, 16)
    behind = torch.rand(num, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    picture = torch.cat([0.8 * mask.expand(-1, 3, -1, -1), mask], 1)
    seen = Seen(behind, picture, behind, torch.ones_like(mask))
    return replace(seen, shown=seen.explained())


def test_deformations_are_displacements_and_then_projections_onto_leading_colors():
    code = DeformationCode(num_channels=3, patch_dim=16, deformation_dim=5)
    assert len(code.displacement.scale) == 2 and len(code.scale) == 3
    components = basis(3 * 16 * 16)
    code.fit_colors(components, torch.linspace(9, 1, 768))
    seen = a_disc()
    brighter = replace(seen, shown=seen.shown + 0.1 * seen.picture[:, -1:])
    colors = 0.1 * (seen.picture[:, -1:] ** 2).expand(-1, 3, -1, -1).flatten(1) @ components[:3].T
    found = code.encode(brighter)
    torch.testing.assert_close(found[:, 2:] * code.scale, colors, atol=0.05, rtol=0)
    assert code.encode(seen).abs().max() < 1e-3
    torch.testing.assert_close(code.drawn(torch.zeros(1, 5), seen.picture), seen.picture)


def test_a_displaced_object_takes_its_mask_along():
    """A disc that is wider than its picture: its mask grows with it."""
    code, seen = DeformationCode(3, 16, 64), a_disc()
    wide = torch.cat([0.8 * torch.ones(1, 3, 16, 16), torch.ones(1, 1, 16, 16)], 1) * stretched(seen.picture[:, -1:])
    found = code.encode(replace(seen, shown=replace(seen, picture=wide).explained()))
    drawn = code.drawn(found, seen.picture)
    assert (drawn - wide)[:, -1].abs().sum() < 0.4 * (seen.picture - wide)[:, -1].abs().sum()


def stretched(picture: torch.Tensor) -> torch.Tensor:
    """By a sixth along x."""
    grid = F.affine_grid(torch.tensor([[[6 / 7, 0, 0], [0, 1.0, 0]]]), list(picture.shape), align_corners=False)
    return F.grid_sample(picture, grid, align_corners=False)


def test_without_objects_nothing_deforms():
    code, seen = DeformationCode(num_channels=3, patch_dim=16, deformation_dim=4), a_disc()
    code.displacement.fit(basis(32), torch.zeros(32))
    code.fit_colors(basis(768), torch.zeros(768))
    torch.testing.assert_close(code.drawn(torch.ones(1, 4), seen.picture), seen.picture)
    hidden = replace(seen, shown=1 - seen.shown, free=torch.zeros(1, 1, 16, 16))
    assert DeformationCode(3, 16, 4).encode(hidden).abs().max() == 0


@pytest.mark.parametrize("build, key", [
    (lambda: DetailCode(1, 8, 8, 65), "detail_dim"), (lambda: DeformationCode(1, 8, 65), "deformation_dim"),
    (lambda: frame_motion(16, 32, 65), "motion_dim"),
])
def test_codes_wider_than_what_they_describe_are_refused(build, key):
    with pytest.raises(UserError, match=f"{key} is 65.* 64 numbers"):
        build()
