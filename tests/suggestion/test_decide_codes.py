"""Which widths of codes are suggested from facts that are given."""

from pipeline.suggestion.decide_codes import choose_background, code_suggestions
from tests.suggestion.test_decide import T, motion, values


def test_codes_are_suggested_where_they_are_worth_it():
    assert values(code_suggestions(motion(), T)) == {"background_channels": 16, "detail_dim": 0, "deformation_dim": 0}
    worth = motion(leftover=30.0, detail={0: 30.0, 32: 31.0, 64: 32.8, 128: 33.0}, changing=(0.4, 0.4))
    assert values(code_suggestions(worth, T)) == {"background_channels": 16, "detail_dim": 64, "deformation_dim": 8}
    noise = motion(leftover=30.0, detail={0: 30.0, 32: 30.1, 64: 30.2}, changing=(0.9,))
    assert values(code_suggestions(noise, T)) == {"background_channels": 16, "detail_dim": 0, "deformation_dim": 16}


def test_backgrounds_are_coded_as_finely_as_they_need():
    ssim = {16: 0.9, 24: 0.93, 32: 0.96, 48: 0.991, 64: 0.995, 96: 0.998}
    assert choose_background(ssim, T)[0] == 48
    assert "0.991" in choose_background(ssim, T)[1] and "0.900" in choose_background(ssim, T)[1]
    assert choose_background(dict.fromkeys(ssim, 0.5), T)[0] == 96
    assert choose_background({}, T)[0] == 16
