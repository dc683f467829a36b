"""Who learns, who is watched while learning, and who is judged: train, val and test."""

import re
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError

SPLITS = ("train", "val", "test")

_PUBLISHED = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "t10k": "test"}
"""Words in the names of published files and folders; t10k is MNIST's."""


NOWHERE = ""
"""The split of a sequence across the border between two splits, which goes into neither, and of a video that is too
short to be split."""


@dataclass(frozen=True)
class Stretches:
    """Who gets which stretch of a video."""

    begins: tuple[int, ...]
    """The frame where each begins, ascending."""
    splits: tuple[str, ...]

    @staticmethod
    def of(part: np.ndarray, starts: list[int]) -> "Stretches":
        """The stretches of a video, from the split (str [num_sequences]) and first frame of each of its sequences."""
        named = [(start, str(name)) for start, name in zip(starts, part, strict=True) if name != NOWHERE]
        changes = [pair for i, pair in enumerate(named) if i == 0 or pair[1] != named[i - 1][1]]
        return Stretches(tuple(start for start, _ in changes), tuple(name for _, name in changes))

    def split_of(self, first_frame: int, num_frames: int) -> str:
        """Where these frames go: NOWHERE where they do not lie in one stretch as a whole."""
        number = bisect_right(self.begins, first_frame) - 1
        is_last = number + 1 == len(self.begins)
        if number < 0 or not (is_last or first_frame + num_frames <= self.begins[number + 1]):
            return NOWHERE
        return self.splits[number]


def assign(num_items: int, val_fraction: float, test_fraction: float, num_across: int = 0) -> np.ndarray:
    """Splits items in their order: str [num_items], the first ones train, then val, the last ones test, none of them
    empty. num_across: items between two splits that go NOWHERE.

    Raises UserError when there are fewer than three items, or the fractions leave none for training.
    """
    num_given, num_items = num_items, num_items - (len(SPLITS) - 1) * num_across
    if num_items < len(SPLITS):
        across = f" of which {num_given - num_items} would lie across two of them" if num_across else ""
        raise UserError(
            f"preprocess: wanted at least one part of the source each for {', '.join(SPLITS)}, got {num_given} in all"
            f"{across}; add videos or make preprocess.sequence_length shorter"
        )
    num_val, num_test = (max(1, round(fraction * num_items)) for fraction in (val_fraction, test_fraction))
    if num_val + num_test >= num_items:
        raise UserError(
            f"preprocess: val_fraction {val_fraction} and test_fraction {test_fraction} leave nothing of {num_items} "
            "parts for training; make them smaller"
        )
    counts = [num_items - num_val - num_test, num_across, num_val, num_across, num_test]
    return np.repeat([SPLITS[0], NOWHERE, SPLITS[1], NOWHERE, SPLITS[2]], counts)


def groups_of(video_ids: list[str], pattern: str) -> list[str]:
    """The group of each video: what the first group of the regular expression is in its name. Raises UserError when a
    name does not match."""
    groups = []
    for video_id in video_ids:
        match = re.search(pattern, video_id)
        if match is None or match[1] is None:
            raise UserError(
                f"video '{video_id}': its name does not match preprocess.group = {pattern}, which is to say of each "
                "video what it belongs to; correct the expression, or null"
            )
        groups.append(match[1])
    return groups


def split_videos(groups: list[str], val_fraction: float, test_fraction: float, seed: int) -> list[str]:
    """Splits videos, each of a group, at random, all of a group to the same side. Raises UserError when there are too
    few groups."""
    names = list(dict.fromkeys(groups))
    split = assign(len(names), val_fraction, test_fraction)[np.random.default_rng(seed).permutation(len(names))]
    side = dict(zip(names, split.tolist(), strict=True))
    return [side[group] for group in groups]


def split_sequences(
    num_sequences: list[int], val_fraction: float, test_fraction: float, seed: int, published: list[str] | None = None,
    groups: list[str] | None = None, num_across: int = 0, test_names: str | None = None,
) -> list[np.ndarray]:
    """Splits the sequences of videos: one array of str [num_sequences of the video] per video.

    Three videos or more are split by video; fewer are each split by time into contiguous blocks: the beginning trains,
    the end tests; of two the one that is too short for that goes NOWHERE. `published`: names of the videos, which say
    where each goes, `test_names` as in `published_splits`. `groups`: the group of each video; what is of one group goes
    to one side. `num_across`: sequences that overlap with the next one, which go NOWHERE between two blocks. Raises
    UserError when a split would be empty.
    """
    num_videos = len(num_sequences)
    if published is not None:
        named = published_splits(published, val_fraction, test_fraction, seed, groups, test_names)
    elif groups is not None and len(set(groups)) < len(SPLITS):
        raise UserError(
            f"preprocess: wanted at least three groups of videos, one each for {', '.join(SPLITS)}, preprocess.group "
            f"finds {len(set(groups))}; add videos, correct the expression, or null"
        )
    elif num_videos < len(SPLITS):
        return _by_time(num_sequences, val_fraction, test_fraction, num_across)
    else:
        named = split_videos(groups or [str(number) for number in range(num_videos)], val_fraction, test_fraction, seed)
    return [np.full(count, name) for count, name in zip(num_sequences, named, strict=True)]


def _by_time(
    num_sequences: list[int], val_fraction: float, test_fraction: float, num_across: int,
) -> list[np.ndarray]:
    split, refusals = [], []
    for count in num_sequences:
        try:
            split.append(assign(count, val_fraction, test_fraction, num_across))
        except UserError as error:
            split.append(np.full(count, NOWHERE))
            refusals.append(error)
    if len(refusals) == len(split):
        raise refusals[int(np.argmax(num_sequences))]
    return split


def published_splits(
    video_ids: list[str], val_fraction: float, test_fraction: float, seed: int, groups: list[str] | None = None,
    test_names: str | None = None,
) -> list[str]:
    """The split of each video, which its name says; where no name says val, or none test, that share of the videos that
    train (of their `groups`, if these are given) is taken at random. With `test_names`, a regular expression, those
    videos test in whose names it is found, and the others train, whatever their names say.

    Raises UserError when a name says nothing, none or all match `test_names`, too few videos are left for training, or
    a group is on two sides.
    """
    split = np.array(_split_by(test_names, video_ids) if test_names else list(map(_published_split, video_ids)))
    group = np.array(groups or video_ids)
    for part, fraction in (("test", test_fraction), ("val", val_fraction)):
        if part not in split:
            training = np.array(list(dict.fromkeys(group[split == "train"].tolist())))
            count = max(1, round(fraction * len(training)))
            if count >= len(training):
                what = "groups" if groups else "videos"
                raise UserError(
                    f"preprocess: {part} wants {count} of the {len(training)} {what} that are published for training; "
                    f"add videos or lower preprocess.{part}_fraction"
                )
            chosen = training[np.random.default_rng(seed).permutation(len(training))[:count]]
            split[np.isin(group, chosen)] = part
    side: dict[str, str] = {}
    for name, part in zip(group.tolist(), split.tolist(), strict=True):
        if side.setdefault(name, part) != part:
            raise UserError(
                f"preprocess: videos of group '{name}' are published for {side[name]} and {part}, where "
                "preprocess.group keeps them together; set it to null or preprocess.split to random"
            )
    return split.tolist()


def _split_by(test_names: str, video_ids: list[str]) -> list[str]:
    split = ["test" if re.search(test_names, video_id) else "train" for video_id in video_ids]
    if len(set(split)) == 1:
        raise UserError(
            f"preprocess.test_names = {test_names} is found in the names of {split.count('test')} of {len(split)} "
            f"videos, such as '{video_ids[0]}'; wanted those that test and no others: correct the expression, or null"
        )
    return split


def says_split(name: str) -> str | None:
    """The split that the first word for one in `name` says, None without such a word."""
    words = re.findall("[a-z0-9]+", name.lower())
    return next((_PUBLISHED[word] for word in words if word in _PUBLISHED), None)


def _published_split(video_id: str) -> str:
    if split := says_split(video_id):
        return split
    raise UserError(
        f"video '{video_id}': no part of its name says train, val or test, which preprocess.split: published wants; "
        "put the videos into folders of these names or set it to random"
    )
