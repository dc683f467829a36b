"""How well codes of several widths draw pictures that they were not fitted to."""

import torch
import torch.nn.functional as F

from pipeline.suggestion.code_widths import background_ssim
from pipeline.suggestion.thresholds import Thresholds

T = Thresholds()


def pictures(samples: int, count: int = 4) -> list[torch.Tensor]:
    """Random ones with so many samples across their 40 px, smooth in between."""
    coarse = torch.rand(count, 3, samples, samples, generator=torch.Generator().manual_seed(0))
    return list(F.interpolate(coarse, size=(40, 44), mode="bilinear"))


def test_smooth_backgrounds_need_fewer_numbers_than_fine_ones():
    smooth, fine = background_ssim(pictures(2), False, T), background_ssim(pictures(40), False, T)
    assert tuple(smooth) == tuple(fine) == T.background_widths
    assert list(fine.values()) == sorted(fine.values())
    assert smooth[16] > T.background_ssim > fine[16]


def test_one_clip_tells_nothing():
    assert background_ssim(pictures(4, 1), False, T) == {}


def test_of_a_shared_scene_only_what_differs_is_drawn():
    scene = pictures(40)[0]
    same = [scene] * 3
    assert background_ssim(same, True, T)[16] > 0.999 > background_ssim(same, False, T)[16]
