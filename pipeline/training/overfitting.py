"""Whether a training learned its clips by heart, as far as its curves tell."""

import csv
from dataclasses import dataclass
from pathlib import Path

_LAST_SHARE = 0.1
"""Share of the points of the training's curve, at its end, that are averaged: one step's loss is noise."""


@dataclass(frozen=True)
class Losses:
    """Losses of a whole training."""

    trained: float
    """Loss on training clips, at the end."""
    ends: float
    """Loss on validation clips, at the end."""
    least: float
    """Least loss on validation clips."""
    step: int
    """Where validation was least; these weights are kept."""


def losses(curves: Path) -> Losses | None:
    """Losses of the training that wrote the folder `curves`; None where there is no such folder."""
    training, validation = (_curve(curves, split) for split in ("train", "validation"))
    if not training or not validation:
        return None
    last = [loss for _, loss in training[-max(1, int(len(training) * _LAST_SHARE)):]]
    step, least = min(validation, key=lambda point: point[1])
    return Losses(sum(last) / len(last), validation[-1][1], least, step)


def overfitted(stage: str, found: Losses, digits: int) -> str:
    """What to say of it; `digits` behind the point of a loss."""
    ends, trained, least = (f"{loss:.{digits}f}" for loss in (found.ends, found.trained, found.least))
    kept = f"are the weights of step {found.step}" if found.step else "is the closed form that training began with"
    return (
        f"{stage}: the loss ends at {ends} in validation and at {trained} in training: what was learned of the "
        f"training clips does not hold of others; kept {kept}, least in validation ({least}); more sequences "
        f"(preprocess.source, sequence_stride) or fewer steps ({stage}.training.num_steps) may help"
    )


def _curve(curves: Path, split: str) -> list[tuple[int, float]]:
    """Step and loss of every point, in order."""
    try:
        with (curves / "plots" / "metrics" / split / "loss.tsv").open(newline="", encoding="utf-8") as file:
            return [(int(row["step"]), float(row["loss"])) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, ValueError, LookupError):
        return []
