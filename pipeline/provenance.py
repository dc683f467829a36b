"""Refuses artefacts that do not belong together; finds rows of one in another by their names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pipeline.errors import UserError


def check_made_from(path: Path, made_from: dict[str, str], name: str, other: Path, identity: str) -> None:
    """Raises UserError, naming both files, unless the artefact at `path` says it was made from the `name` that lies
    at `other`."""
    recorded = made_from.get(name)
    if recorded != identity:
        raise UserError(
            f"{path} was made from {name} {str(recorded)[:12]}, but {other} is {identity[:12]}; they do not belong "
            f"together, run the stage that writes {path.name} again"
        )


def check_frame_shape(path: Path, found: tuple[int, int, int], wanted: tuple[int, int, int], model: Path) -> None:
    """Raises UserError unless the frames at `path` have the height, width and channels that the model at `model`
    takes."""
    if found != wanted:
        raise UserError(
            f"{path}: holds frames of {_shape(found)}, but {model} was trained on {_shape(wanted)}; run all stages on the "
            "same frames again"
        )


def match_rows(
    path: Path, video_id: Sequence[str], first_frame: Sequence[int], other: Path, wanted_video_id: Sequence[str],
    wanted_first_frame: Sequence[int],
) -> np.ndarray:
    """Row in the store at `path`, whose rows are named video_id and first_frame, of each name wanted by `other`: int
    [n].

    Raises UserError naming the first that is not there.
    """
    row_of = {(str(video), int(frame)): row for row, (video, frame) in enumerate(zip(video_id, first_frame))}
    names = [(str(video), int(frame)) for video, frame in zip(wanted_video_id, wanted_first_frame)]
    missing = [name for name in names if name not in row_of]
    if missing:
        raise UserError(
            f"{path}: lacks {len(missing)} of {len(names)} rows of {other}, such as video '{missing[0][0]}' from frame "
            f"{missing[0][1]}; run all stages on the same frames again"
        )
    return np.array([row_of[name] for name in names], dtype=np.int64)


def _shape(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{width} x {height} px in {'grey' if channels == 1 else 'color'}"
