import pytest

from pipeline.evaluation.worries import worries
from pipeline.few_sequences import ENOUGH, few_sequences, split_summary

FINE = {
    "prediction": {"psnr": 30.0},
    "baselines": {"copy_last": {"psnr": 25.0}, "flow": {"psnr": 26.0}, "linear_extrapolation": {"psnr": 28.0}},
    "reconstruction": {"psnr": 31.0, "median_background_psnr": 24.0},
}
ROWS = [{"video_id": f"v{i}", "first_frame": 0, "objects": i % 2} for i in range(10)]


def beside(**psnr: float) -> dict:
    return {"baselines": FINE["baselines"] | {name: {"psnr": value} for name, value in psnr.items()}}


def test_a_good_run_is_no_worry():
    assert worries(FINE, ROWS, ENOUGH) == []
    several = {"prediction": {"psnr": 27.0, "mean_picture": {"psnr": 28.5}}}
    assert worries(FINE | several, ROWS, ENOUGH) == [], "single samples of an open future lie below its mean"


@pytest.mark.parametrize("changes, rows, counts, named", [
    (beside(copy_last=30.1), ROWS, ENOUGH, ("30.00 dB", "copy of the last given frame", "carry_pictures")),
    (beside(linear_extrapolation=30.1), ROWS, ENOUGH, ("(30.00 dB)", "straight on (30.10 dB)", "train_predictor.kind")),
    (beside(flow=31.0), ROWS, ENOUGH, ("(30.00 dB)", "optical flow", "(31.00 dB)", "object_px")),
    ({"reconstruction": {"psnr": 23.0, "median_background_psnr": 24.0}}, ROWS, ENOUGH, ("median", "detail_dim")),
    ({}, [*ROWS, ROWS[0]], ENOUGH, ("in 6 of 11 clips", "object_px")),
    ({}, ROWS, ENOUGH | {"test": 1}, ("only 1 sequence to test with", "preprocess.test_fraction")),
    ({}, ROWS, ENOUGH | {"train": 23}, ("only 23 sequences to train with", "preprocess.source")),
])
def test_each_worry_is_one_line_that_names_a_parameter(changes, rows, counts, named):
    found = worries(FINE | changes, rows, counts)
    assert len(found) == 1 and "\n" not in found[0] and all(text in found[0] for text in named)


@pytest.mark.parametrize("spread, said", [
    (0.2, ""), (0.8, " (by 0.50 dB in 10 clips, with a standard error of 0.27: it may be chance)"),
])
@pytest.mark.parametrize("baseline", ["linear_extrapolation", "flow"])
def test_what_may_be_chance_is_said_to_be(baseline, spread, said):
    """Half of the clips are better than the mean difference, the others worse, by as much."""
    rows = [row | {"psnr": 20.0, "mean_picture_psnr": 30.0, f"{baseline}_psnr": 30.5 + spread * (-1) ** i}
            for i, row in enumerate(ROWS)]
    (found,) = worries(FINE | beside(**{baseline: 30.5}), rows, ENOUGH)
    assert said in found and ("chance" in found) == bool(said)


def test_sequences_are_counted_by_split():
    assert split_summary({"train": 5, "val": 2, "test": 3}) == "5 to train with, 2 to validate with, 3 to test with"
    assert len(few_sequences({"train": 0, "val": 0, "test": 0})) == 3
