import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.splits import published_splits, split_sequences


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


NAMES = [*(f"bair.hdf5/train/{number}" for number in range(20)), *(f"bair.hdf5/test/{number}" for number in range(5))]


def test_published_splits_are_kept_and_what_they_lack_is_taken_from_train():
    split = published_splits(NAMES, 0.1, 0.1, 0)
    assert split[20:] == ["test"] * 5 and split.count("val") == 2 and split.count("train") == 18
    assert split == published_splits(NAMES, 0.1, 0.1, 0) != published_splits(NAMES, 0.1, 0.1, 1)
    names = ["video_train/a.mp4", "video_train/b.mp4", "video_train/c.mp4", "video_validation/d.mp4"]
    assert sorted(published_splits(names, 0.1, 0.1, 0)) == ["test", "train", "train", "val"]
    assert published_splits(names, 0.1, 0.1, 0)[3] == "val"


def test_names_that_do_not_say_a_split():
    with pytest.raises(UserError, match="'strain/0.mp4': no part of its name says train, val or test"):
        published_splits(["train/0.mp4", "strain/0.mp4"], 0.1, 0.1, 0)
    with pytest.raises(UserError, match="val wants 1 of the 1 videos"):
        published_splits(["train/0.mp4", "test/0.mp4"], 0.1, 0.1, 0)
