"""Who learns, who is watched while learning, and who is judged: train, val and test."""

import re

import numpy as np

from pipeline.errors import UserError

SPLITS = ("train", "val", "test")

_PUBLISHED = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test", "t10k": "test"}
"""Words in the names of published files and folders; t10k is MNIST's."""


def assign(num_items: int, val_fraction: float, test_fraction: float) -> np.ndarray:
    """Splits items in their order: str [num_items], the first ones train, then val, the last ones test, none of them
    empty.

    Raises UserError when there are fewer than three items, or the fractions leave none for training.
    """
    if num_items < len(SPLITS):
        raise UserError(
            f"preprocess: wanted at least one part of the source each for {', '.join(SPLITS)}, got {num_items} in all; "
            "add videos or make preprocess.sequence_length shorter"
        )
    num_val, num_test = (max(1, round(fraction * num_items)) for fraction in (val_fraction, test_fraction))
    if num_val + num_test >= num_items:
        raise UserError(
            f"preprocess: val_fraction {val_fraction} and test_fraction {test_fraction} leave nothing of {num_items} "
            "parts for training; make them smaller"
        )
    return np.repeat(SPLITS, [num_items - num_val - num_test, num_val, num_test])


def split_videos(num_videos: int, val_fraction: float, test_fraction: float, seed: int) -> np.ndarray:
    """Splits videos at random: str [num_videos]."""
    split = assign(num_videos, val_fraction, test_fraction)
    return split[np.random.default_rng(seed).permutation(num_videos)]


def split_sequences(
    num_sequences: list[int], val_fraction: float, test_fraction: float, seed: int, published: list[str] | None = None,
) -> list[np.ndarray]:
    """Splits the sequences of videos: one array of str [num_sequences of the video] per video.

    Three videos or more are split by video; fewer are each split by time into contiguous blocks: the beginning trains,
    the end tests. `published`: names of the videos, which say where each goes. Raises UserError when a split would be
    empty.
    """
    if published is not None:
        named = published_splits(published, val_fraction, test_fraction, seed)
        return [np.full(count, name) for count, name in zip(num_sequences, named, strict=True)]
    if len(num_sequences) < len(SPLITS):
        return [assign(count, val_fraction, test_fraction) for count in num_sequences]
    split = split_videos(len(num_sequences), val_fraction, test_fraction, seed)
    return [np.full(count, name) for count, name in zip(num_sequences, split, strict=True)]


def published_splits(video_ids: list[str], val_fraction: float, test_fraction: float, seed: int) -> list[str]:
    """The split of each video, which its name says; where no name says val, or none test, that share of the videos that
    train is taken at random.

    Raises UserError when a name says nothing, or too few videos are left for training.
    """
    split = np.array([_published_split(video_id) for video_id in video_ids])
    for part, fraction in (("test", test_fraction), ("val", val_fraction)):
        if part not in split:
            training = np.flatnonzero(split == "train")
            count = max(1, round(fraction * len(training)))
            if count >= len(training):
                raise UserError(
                    f"preprocess: {part} wants {count} of the {len(training)} videos that are published for training; "
                    f"add videos or lower preprocess.{part}_fraction"
                )
            split[np.random.default_rng(seed).permutation(training)[:count]] = part
    return split.tolist()


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
