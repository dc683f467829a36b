import math

import pytest
import torch

from pipeline.predictor.block import PLACE_ERROR_PX, Block, draw
from pipeline.predictor.draws import Draws

CHANCES = torch.tensor([0.6, 0.3, 0.1])
MIDDLES = torch.tensor([0.0, 100.0, 200.0])
SPREADS = torch.tensor([1.0, 2.0, 4.0])


def block(num_rows: int) -> Block:
    """The same distribution in every row: three modes far apart, in each component and, twice as wide, at the second
    step."""
    modes = (num_rows, 2, 3, 2, 5)
    return Block(
        mode_logits=CHANCES.log().expand(num_rows, 2, 3),
        moving=MIDDLES[:, None, None].expand(modes),
        place_spread=(SPREADS[:, None, None] * torch.tensor([1.0, 2.0])[:, None]).expand(*modes[:-1], 2),
        visibility_logits=torch.tensor([-9.0, 0.0, 9.0])[:, None].expand(modes[:-1]),
        means={
            "camera": torch.full((num_rows, 2, 2), 5.0), "detail": torch.full((num_rows, 2, 3), 7.0),
            "deformation": torch.full((num_rows, 2, 2, 1), -7.0),
        },
        spreads={
            "camera": torch.full((num_rows, 2, 2), 0.5), "detail": torch.full((num_rows, 2, 3), 0.25),
            "deformation": torch.full((num_rows, 2, 2, 1), 2.0),
        },
    )


def drawn(distribution: Block, spread: str) -> dict[str, torch.Tensor]:
    return draw(distribution, Draws(torch.Generator().manual_seed(0)), spread)


def test_a_full_draw_has_the_chances_and_the_spread_that_were_learned():
    codes = drawn(block(20_000), "full")
    pose, camera = codes["pose"], codes["camera"]
    assert pose.shape == (20_000, 2, 2, 6) and camera.shape == (20_000, 2, 2)
    mode = (pose[:, 0, :, -1] * 2).round().long()  # told by the visibility: 0, a half, 1
    counts = torch.bincount(mode.flatten(), minlength=3) / mode.numel()
    torch.testing.assert_close(counts, CHANCES, atol=0.01, rtol=0)
    deviation = pose[:, :, :, :2] - MIDDLES[mode][:, None, :, None]
    for step, width in enumerate((1.0, 2.0)):
        learned = (width * SPREADS[mode])[..., None]
        of_step = deviation[:, step] / (learned.square() + PLACE_ERROR_PX**2).sqrt()
        assert of_step.mean().item() == pytest.approx(0, abs=0.02)
        assert of_step.std().item() == pytest.approx(1, abs=0.02)
        # The hyperbolic secant holds 90 % of its mass within (2 / pi) ln tan(0.95 pi / 2) standard deviations.
        within = (of_step.abs() < 2 / math.pi * math.log(math.tan(0.475 * math.pi))).float().mean()
        assert within.item() == pytest.approx(0.9, abs=0.01)
    assert camera.std(0).mean().item() == pytest.approx(0.5, abs=0.02)


def test_deviations_hold_for_a_block_and_differ_between_objects_and_axes():
    pose = drawn(block(10_000), "full")["pose"]
    middle = MIDDLES[(pose[:, 0, :, -1] * 2).round().long()][..., None]
    first, second = (pose[:, step, :, :2] - middle for step in (0, 1))
    assert torch.equal(pose[:, :, :, 2:5], middle[:, None].expand(-1, 2, -1, 3))  # shapes have no spread
    share = (second / first)[first.abs() > 0.01]  # a little less than 2: no place is quite certain
    assert (share > 1.7).all() and (share < 2).all()
    assert torch.corrcoef(first.flatten(1).T).fill_diagonal_(0).abs().max() < 0.1


def test_branches_are_middles_without_a_spread():
    codes = drawn(block(500), "branches")
    pose, camera = codes["pose"], codes["camera"]
    nearest = (pose[..., :5, None] - MIDDLES).abs().amin(-1)
    assert nearest.max() < 1e-3 and (camera == 5).all()
    assert len(pose[:, 0, 0, 0].round().unique()) == 3


def test_detail_and_deformation_are_drawn_as_the_camera_is():
    codes = drawn(block(5_000), "full")
    detail, deformation = codes["detail"], codes["deformation"]
    assert detail.shape == (5_000, 2, 3) and deformation.shape == (5_000, 2, 2, 1)
    for values, middle, spread in ((detail, 7.0, 0.25), (deformation, -7.0, 2.0)):
        assert values.mean().item() == pytest.approx(middle, abs=0.1)
        assert values.std().item() == pytest.approx(spread, rel=0.1)
        assert torch.equal(values[:, 0], values[:, 1]), "one deviation holds for a whole block"
    codes = drawn(block(4), "branches")
    detail, deformation = codes["detail"], codes["deformation"]
    assert (detail == 7).all() and (deformation == -7).all()


def test_a_broad_mode_does_not_pull_at_a_narrow_one_inside_it():
    """Two likely ones of spread 0.1 and 0.2 px side by side are one future; an unlikely one as wide as the frame is
    another."""
    modes = (500, 1, 3, 1, 5)
    narrow = block(500)._replace(
        mode_logits=torch.tensor([0.6, 0.35, 0.05]).log().expand(500, 1, 3), visibility_logits=torch.zeros(modes[:-1]),
        moving=torch.tensor([0.0, 0.1, 20.0])[:, None, None].expand(modes),
        place_spread=torch.tensor([0.1, 0.2, 60.0])[:, None, None].expand(*modes[:-1], 2),
    )
    x = drawn(narrow, "branches")["pose"][:, 0, 0, 0]
    assert ((x > 0) & (x < 0.1)).float().mean().item() == pytest.approx(0.95, abs=0.03)
    assert ((x > 15) & (x <= 20)).float().mean().item() == pytest.approx(0.05, abs=0.03)
