import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.splits import Stretches, groups_of, published_splits, split_sequences


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


@pytest.mark.parametrize(("length", "stride"), [(20, 1), (20, 7), (20, 19), (20, 20), (20, 45), (21, 20)])
def test_sequences_of_different_splits_of_a_video_share_no_frame(length, stride):
    starts = list(range(0, 300, stride))
    parts = split_sequences([len(starts)], 0.2, 0.2, 0, num_across=-(-length // stride) - 1)
    stretches = Stretches.of(parts[0], starts)
    assert stretches.splits == ("train", "val", "test")
    frames = {name: set() for name in ("train", "val", "test", "")}
    for start, name in zip(starts, parts[0], strict=True):
        assert stretches.split_of(start, length) == name
        frames[str(name)] |= {*range(start, start + length)}
    assert frames["train"] and frames["val"] and frames["test"] and bool(frames[""]) == (stride < length)
    assert not frames["train"] & frames["val"] and not (frames["train"] | frames["val"]) & frames["test"]
    assert stretches.split_of(1000, length) == "test"


def test_of_a_video_that_goes_to_one_split_all_sequences_do():
    stretches = Stretches.of(np.full(4, "val"), [0, 5, 10, 15])
    assert [stretches.split_of(start, 20) for start in (0, 5, 40)] == ["val"] * 3


def test_too_little_material_to_overlap_is_refused():
    with pytest.raises(UserError, match="got 8 in all of which 6 would lie across two of them"):
        split_sequences([8], 0.1, 0.1, 0, num_across=3)


@pytest.mark.parametrize("counts", [[20, 2], [1, 20]])
def test_of_two_videos_a_short_one_does_not_stop_the_other(counts):
    parts = split_sequences(counts, 0.1, 0.1, 0)
    for part, length in zip(parts, counts, strict=True):
        assert set(part) == ({"train", "val", "test"} if length == 20 else {""})
    with pytest.raises(UserError, match="got 2 in all"):
        split_sequences([2, 1], 0.1, 0.1, 0)


RECORDINGS = [f"{person}/{person}_{clip}.mp4" for person in ("ann", "bob", "cy", "di", "ed") for clip in range(4)]


@pytest.mark.parametrize("seed", range(5))
def test_clips_of_one_group_stay_on_one_side(seed):
    groups = groups_of(RECORDINGS, r"/(\w+)_")
    assert groups[:5] == ["ann", "ann", "ann", "ann", "bob"]
    parts = split_sequences([3] * 20, 0.2, 0.4, seed, groups=groups)
    sides = {group: {part[0] for part, other in zip(parts, groups, strict=True) if other == group} for group in groups}
    assert all(len(side) == 1 for side in sides.values())
    assert sorted(side.pop() for side in sides.values()) == ["test", "test", "train", "train", "val"]


def test_groups_that_cannot_be_kept_together():
    with pytest.raises(UserError, match=r"'bob/bob_0.mp4': its name does not match preprocess.group = \(ann\)"):
        groups_of(RECORDINGS, "(ann)")
    with pytest.raises(UserError, match="does not match"):
        groups_of(RECORDINGS, "ann|(bob)")
    with pytest.raises(UserError, match="wanted at least three groups of videos.* finds 2"):
        split_sequences([3] * 8, 0.2, 0.2, 0, groups=groups_of(RECORDINGS[:8], r"(\w+)_"))


def test_groups_of_published_videos():
    names = [f"train/{person}_{clip}" for person in "abcdefgh" for clip in range(3)] + ["test/z_0"]
    groups = groups_of(names, r"/(\w)_")
    split = published_splits(names, 0.25, 0.1, 0, groups)
    assert split[-1] == "test" and split.count("val") == 6
    assert all(len(set(split[3 * number : 3 * number + 3])) == 1 for number in range(8))
    with pytest.raises(UserError, match="videos of group 'a' are published for train and test"):
        published_splits([*names, "test/a_7"], 0.25, 0.1, 0, [*groups, "a"])


KTH = [f"walking/person{person:02}_walking_d{clip}_uncomp.avi" for person in range(1, 26) for clip in (1, 2)]


def test_an_expression_says_which_videos_test():
    split = published_splits(KTH, 0.1, 0.1, 0, groups_of(KTH, "(person[0-9]+)_"), "person(1[7-9]|2[0-5])_")
    sides = {part: sorted({int(name[14:16]) for name, other in zip(KTH, split, strict=True) if other == part})
             for part in ("train", "val", "test")}
    assert sides["test"] == [*range(17, 26)] and len(sides["val"]) == 2
    assert sorted(sides["train"] + sides["val"]) == [*range(1, 17)]
    names = ["a-train.tfrecord/0", "a-train.tfrecord/1", "a-validation.tfrecord/0"]
    assert sorted(published_splits(names, 0.1, 0.1, 0, test_names="validation")) == ["test", "train", "val"]
    parts = split_sequences([1] * 50, 0.1, 0.1, 0, published=KTH, test_names="person25")
    assert [part[0] for part in parts].count("test") == 2


@pytest.mark.parametrize(("expression", "count"), [("nobody", 0), ("person", 50)])
def test_an_expression_that_is_in_no_name_or_in_all(expression, count):
    with pytest.raises(UserError, match=rf"test_names = {expression} is found in the names of {count} of 50 videos"):
        published_splits(KTH, 0.1, 0.1, 0, test_names=expression)
