"""Refuses artefacts that do not belong together; finds rows of one in another by their names."""

from pathlib import Path
from typing import Protocol

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


def check_frame_shape(path: Path, found: tuple[int, int, int], wanted: tuple[int, int, int]) -> None:
    """Raises UserError unless the frames at `path` have the height, width and channels that the autoencoder takes."""
    if found != wanted:
        raise UserError(
            f"{path}: holds frames of {_shape(found)}, but the autoencoder was trained on {_shape(wanted)}; run all "
            "stages on the same frames again"
        )


class NamedRows(Protocol):
    """A store whose rows have names."""

    path: Path
    video_id: np.ndarray
    first_frame: np.ndarray


def match_rows(store: NamedRows, other: Path, video_id: np.ndarray, first_frame: np.ndarray) -> np.ndarray:
    """The rows of `store` that have the names video_id, first_frame [n], wanted by the store at `other`: int [n].

    Raises UserError naming the first that is not there.
    """
    here = zip(store.video_id, store.first_frame, strict=True)
    row_of = {(str(video), int(frame)): row for row, (video, frame) in enumerate(here)}
    names = [(str(video), int(frame)) for video, frame in zip(video_id, first_frame, strict=True)]
    missing = [name for name in names if name not in row_of]
    if missing:
        raise UserError(
            f"{store.path}: lacks {len(missing)} of {len(names)} rows of {other}, such as video '{missing[0][0]}' from "
            f"frame {missing[0][1]}; run all stages on the same frames again"
        )
    return np.array([row_of[name] for name in names], dtype=np.int64)


def _shape(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{width} x {height} px in {'grey' if channels == 1 else 'color'}"
