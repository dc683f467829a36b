"""How many sequences there are to learn from and to judge by, and whether that is enough."""

ENOUGH = {"train": 24, "val": 10, "test": 10}
"""Sequences of each split below which there are few. train: what `stages.suggest` keeps at least; sets of fewer were
learned by heart. val, test: from 10 on the interval of 95 % that figures come with is at most a fifth too narrow (the
normal distribution's for Student's: 1.96 sqrt(9 / 10) / 2.26 = 0.82)."""
_PURPOSE = {"train": "to train with", "val": "to validate with", "test": "to test with"}
_REMEDY = {
    "train": "what is learned of so few may not hold of others; give more videos (preprocess.source), or lower "
             "preprocess.sequence_stride",
    "val": "so few do not bear out what the predictor learned, and objects go straight on; raise "
           "preprocess.val_fraction or give more videos (preprocess.source)",
    "test": "figures of so few say little; raise preprocess.test_fraction or give more videos (preprocess.source)",
}


def split_summary(counts: dict[str, int]) -> str:
    """The counts as one line of text; counts: sequences by split."""
    return ", ".join(f"{counts[split]} {purpose}" for split, purpose in _PURPOSE.items())


def few_sequences(counts: dict[str, int]) -> list[str]:
    """What should worry about these counts, by split."""
    return [
        f"preprocess: only {_sequences(counts[split])} {_PURPOSE[split]}, fewer than {enough}: {_REMEDY[split]}"
        for split, enough in ENOUGH.items() if counts[split] < enough
    ]


def _sequences(count: int) -> str:
    return f"{count} sequence{'' if count == 1 else 's'}"
