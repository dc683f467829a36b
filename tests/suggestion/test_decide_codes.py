"""Which widths of codes are suggested from facts that are given."""

from pipeline.suggestion.decide_codes import choose_appearance, choose_background, code_suggestions
from tests.suggestion.test_decide import T, motion, values


def test_codes_are_suggested_where_they_are_worth_it():
    def suggested(facts) -> dict:
        return values(code_suggestions(facts, 16, 100, T))

    few = {"background_channels": 16, "appearance_dim": 48}
    assert suggested(motion()) == {**few, "motion_dim": 0, "detail_dim": 0, "deformation_dim": 0}
    worth = motion(leftover=30.0, detail={0: 30.0, 32: 31.0, 64: 32.8, 128: 33.0}, changing=(0.4, 0.4))
    assert suggested(worth) == {**few, "motion_dim": 16, "detail_dim": 48, "deformation_dim": 8}
    perspective = motion(leftover=30.0, detail={0: 30.0, 32: 30.1}, changing=(0.03,))
    assert suggested(perspective) == {**few, "motion_dim": 0, "detail_dim": 0, "deformation_dim": 8}
    noise = motion(leftover=30.0, detail={0: 30.0, 32: 30.1, 64: 30.2}, changing=(0.9,))
    assert suggested(noise) == {**few, "motion_dim": 0, "detail_dim": 0, "deformation_dim": 16}


def test_appearances_are_as_wide_as_their_pictures_have_samples_and_twice_where_few_teach():
    assert [choose_appearance(side, 24, T)[0] for side in (16, 24, 40)] == [48, 112, 304]
    dim, why = choose_appearance(40, 23, T)
    assert dim == 608 and "40x40 samples; 23 sequences teach little" in why


def test_backgrounds_are_coded_as_finely_as_they_need():
    ssim = {16: 0.9, 24: 0.93, 32: 0.96, 48: 0.991, 64: 0.995, 96: 0.998}
    dim, why = choose_background(ssim, 24, T)
    assert dim == 48 and "0.991" in why and "0.900" in why
    assert choose_background(ssim, 23, T)[0] == 64, "codes of objects that few clips taught lose more"
    assert choose_background(dict.fromkeys(ssim, 0.5), 24, T)[0] == 96
    assert choose_background({}, 24, T)[0] == 16
