"""From facts to who trains, validates and tests, and how many sequences each gets."""

import math

from pipeline.errors import UserError
from pipeline.frames.preprocess_params import PreprocessParams
from pipeline.frames.splits import SPLITS, split_sequences
from pipeline.suggestion.decide import Suggestion
from pipeline.suggestion.facts import SourceFacts
from pipeline.suggestion.thresholds import Thresholds


def split_suggestions(
    facts: SourceFacts, preprocess: PreprocessParams, num: int, per_video: list[int], params: Thresholds,
) -> tuple[list[Suggestion], dict[str, int]]:
    """The split with its shares, and about how many sequences each of them gets. num: sequences in all; per_video: of
    the videos that were looked at. Exact where that is all of them: preprocess splits by whole videos."""
    if facts.split_is_published:
        shares = {"val": preprocess.val_fraction, "test": preprocess.test_fraction}
        return [Suggestion("preprocess.split", "published", "names say train, val or test")], _about(num, shares)
    shares = {
        name: min(most, max(least, math.ceil(100 * wanted / max(1, num)) / 100))
        for name, wanted, (least, most) in zip(("val", "test"), params.held_out, params.held_out_shares, strict=True)
    }
    counts, about = _about(num, shares), "about "
    if len(per_video) == facts.num_videos and preprocess.group is None:
        try:
            counted = [count for count in per_video if count]
            parts = split_sequences(counted, shares["val"], shares["test"], preprocess.seed)
        except UserError:
            pass  # said by those who look whether there is enough for a run
        else:
            counts, about = {name: sum(int((part == name).sum()) for part in parts) for name in SPLITS}, ""
    units = facts.num_videos - facts.num_unreadable
    how = f"videos at random, {units} in all" if units >= len(SPLITS) else (
        "too few videos to share out: each one's beginning trains, its end tests")
    found, num = [Suggestion("preprocess.split", "random", f"names say nothing; {how}")], sum(counts.values())
    for (name, share), what in zip(shares.items(), ("validate", "test"), strict=True):
        why = f"{about}{counts[name]} of {num} sequences {what}"
        found.append(Suggestion(f"preprocess.{name}_fraction", share, why))
    return found, counts


def _about(num: int, shares: dict[str, float]) -> dict[str, int]:
    counts = {name: max(1, round(share * num)) for name, share in shares.items()}
    return {"train": max(1, num - sum(counts.values())), **counts}
