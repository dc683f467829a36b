"""One video of a source, whatever holds it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class SourceVideo:
    """One video of a source."""

    video_id: str
    """Its name within the source: the relative path; where a file holds several videos, with the video's own added."""
    kind: Literal["file", "pictures", "array", "digits", "hdf5", "tfrecord"]
    path: Path
    """The video file, the folder of pictures, or the file that holds several videos."""
    index: tuple[Any, ...] = ()
    """Where it is among several in one file, as the reader of its kind understands it."""
    truth: Path | None = None
    """The truth's .npz file; for arrays a folder with one .npy per array of the truth."""

    def pictures(self) -> list[Path]:
        """The pictures of a folder, by name; numbers count as numbers (frame2 before frame10)."""
        pictures = (file for file in self.path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
        return sorted(pictures, key=natural_order)


def natural_order(path: Path) -> list:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", path.as_posix())]


def numbered(name: str, count: int) -> list[str]:
    """Names of `count` videos within `name`, in an order that is theirs as text, too."""
    digits = len(str(max(count - 1, 0)))
    return [f"{name}/{number:0{digits}d}" for number in range(count)]
