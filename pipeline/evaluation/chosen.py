"""Which clips are shown: those that tell most about a forecast, and why each is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.per_clip import Row
from pipeline.spacing import evenly_spaced


@dataclass(frozen=True)
class Chosen:
    """A clip of per_clip.csv."""

    video_id: str
    first_frame: int
    name: str
    """What names of files end with, the same in every evaluation: worst, median, best, most_moving, rank_0012."""
    reason: str
    """Why it is shown, with its figure."""

    @property
    def title(self) -> str:
        return f"{self.video_id} from frame {self.first_frame}: {self.reason}"


def choose_clips(rows: Sequence[Row], count: int) -> list[Chosen]:
    """At most `count` of the clips, by the psnr of the samples' mean picture: the worst, the median and the best one,
    then the one in which most moves, then others evenly spread between them."""
    if not rows or not count:
        return []
    psnr, motion = ([_figure(row, *names) for row in rows] for names in (("mean_picture_psnr", "psnr"), ("motion",)))
    order = sorted(range(len(rows)), key=lambda i: psnr[i])
    place = {i: rank for rank, i in enumerate(order)}
    last = len(order) - 1
    picks = [("worst", order[0]), ("median", order[last // 2]), ("best", order[-1])]
    if max(motion) > 0:
        picks.append(("most_moving", int(np.argmax(motion))))
    picks += [(f"rank_{rank + 1:04}", order[rank]) for rank in evenly_spaced(len(order), count + len(picks)).tolist()]
    names: dict[int, list[str]] = {}
    for name, i in picks:
        if i in names and not name.startswith("rank"):
            names[i].append(name)
        elif i not in names and len(names) < count:
            names[i] = [name]
    return [_chosen(rows[i], of_clip, place[i], psnr[i], motion[i], len(rows)) for i, of_clip in names.items()]


def _chosen(row: Row, names: list[str], rank: int, psnr: float, motion: float, count: int) -> Chosen:
    said = [f"number {rank + 1}" if name.startswith("rank") else name.replace("_", " ") for name in names]
    reason = f"{' and '.join(said)} of {count} clips ({psnr:.1f} dB, {motion:.0%} of the pixels move)"
    return Chosen(str(row["video_id"]), int(row["first_frame"] or 0), names[0], reason)


def _figure(row: Row, *names: str) -> float:
    """The first of these figures that is known, as precise as the table has it, so that its readers choose alike; 0
    where none is."""
    return next((float(f"{float(row[name] or 0):.6g}") for name in names if row.get(name) is not None), 0.0)
