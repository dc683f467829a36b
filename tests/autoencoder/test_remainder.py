import pytest
import torch

from pipeline.autoencoder.remainder import DeformationCode, DetailCode
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


def test_deformations_are_projections_onto_the_leading_components():
    code = DeformationCode(num_channels=1, patch_dim=3, deformation_dim=2)
    components = basis(9)
    code.fit(components, torch.linspace(9, 1, 9))
    picture = (2 * components[0] - components[1] + 5 * components[2]).view(1, 1, 3, 3)
    torch.testing.assert_close(code.encode(picture), torch.tensor([[2 / 3, -1 / 8**0.5]]), atol=1e-5, rtol=0)
    torch.testing.assert_close(code.decode(code.encode(picture)).flatten(), 2 * components[0] - components[1])


def test_without_objects_nothing_deforms():
    code = DeformationCode(num_channels=1, patch_dim=3, deformation_dim=2)
    code.fit(basis(9), torch.zeros(9))
    assert code.decode(torch.ones(1, 2)).abs().max() == 0


@pytest.mark.parametrize("build, key", [
    (lambda: DetailCode(1, 8, 8, 65), "detail_dim"), (lambda: DeformationCode(1, 8, 65), "deformation_dim"),
])
def test_codes_wider_than_what_they_describe_are_refused(build, key):
    with pytest.raises(UserError, match=f"{key} is 65.*64 numbers"):
        build()
