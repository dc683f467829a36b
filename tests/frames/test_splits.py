import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.splits import split_sequences


def count(parts: list[np.ndarray], name: str) -> int:
    return sum(int((part == name).sum()) for part in parts)


@pytest.mark.parametrize("num_videos", [3, 4, 10, 101])
def test_whole_videos_go_to_a_split_and_none_is_empty(num_videos):
    parts = split_sequences([2] * num_videos, 0.1, 0.2, seed=0)
    assert all(len(part) == 2 and len(set(part)) == 1 for part in parts)
    assert count(parts, "val") == 2 * max(1, round(0.1 * num_videos))
    assert count(parts, "test") == 2 * max(1, round(0.2 * num_videos))
    assert count(parts, "train") > 0


def test_the_seed_decides_who_goes_where():
    def split(seed):
        return [part[0] for part in split_sequences([1] * 50, 0.2, 0.2, seed)]

    assert split(1) == split(1) != split(2)


@pytest.mark.parametrize("num_sequences", [[3], [19], [20, 5]])
def test_few_videos_are_cut_into_blocks_of_time(num_sequences):
    order = {"train": 0, "val": 1, "test": 2}
    for part, length in zip(split_sequences(num_sequences, 0.1, 0.1, 0), num_sequences, strict=True):
        ranks = [order[name] for name in part]
        assert len(ranks) == length and ranks == sorted(ranks) and set(ranks) == {0, 1, 2}


def test_too_little_material_is_refused():
    with pytest.raises(UserError, match="got 2 in all"):
        split_sequences([2], 0.1, 0.1, 0)
    with pytest.raises(UserError, match="leave nothing of 4"):
        split_sequences([1] * 4, 0.5, 0.5, 0)
