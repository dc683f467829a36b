"""Which split is suggested, and how many sequences each part gets."""

from pathlib import Path

import pytest

from pipeline.few_sequences import few_sequences
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.splits import split_sequences
from pipeline.params import read_section
from pipeline.suggestion.decide_split import split_suggestions
from tests.suggestion.test_decide import FACTS, T, facts, values

PARAMS = read_section(Path(__file__).resolve().parents[2] / "params.yaml", "preprocess", PreprocessParams)


@pytest.mark.parametrize("num, val, test", [(800, 0.08, 0.12), (116, 0.09, 0.12), (85, 0.12, 0.15), (20, 0.15, 0.3)])
def test_few_sequences_are_split_more_evenly(num, val, test):
    found = values(split_suggestions(FACTS, PARAMS, num, [], T)[0])
    assert found == {"split": "random", "val_fraction": val, "test_fraction": test}


@pytest.mark.parametrize("num", [67, 100, 116, 124, 126, 800])
def test_no_stage_warns_of_what_is_suggested(num):
    found = values(split_suggestions(FACTS, PARAMS, num, [], T)[0])
    val, test = (round(num * found[f"{name}_fraction"]) for name in ("val", "test"))
    assert few_sequences({"train": num - val - test, "val": val, "test": test}) == []


def test_published_names_split():
    assert values(split_suggestions(facts(split_is_published=True), PARAMS, 100, [], T)[0]) == {"split": "published"}


def test_where_all_videos_are_known_the_counts_are_those_of_preprocess():
    per_video = [2, 5, 3, 1, 4, 2, 0, 4, 3, 3]
    found, counts = split_suggestions(facts(num_videos=10), PARAMS, 27, per_video, T)
    shares = values(found)
    parts = split_sequences([count for count in per_video if count], shares["val_fraction"], shares["test_fraction"],
                            PARAMS.seed)
    assert counts == {name: sum((part == name).sum() for part in parts) for name in ("train", "val", "test")}
    assert sum(counts.values()) == 27 and found[1].why == f"{counts['val']} of 27 sequences validate"


@pytest.mark.parametrize("num_videos, per_video", [(40, [2] * 10), (2, [1, 1])], ids=["not all seen", "too few"])
def test_else_they_are_about_their_shares(num_videos, per_video):
    found, counts = split_suggestions(facts(num_videos=num_videos), PARAMS, 80, per_video, T)
    assert counts == {"train": 80 - counts["val"] - counts["test"], "val": 10, "test": 12}
    assert found[1].why == "about 10 of 80 sequences validate"
