"""One video of a source, whatever holds it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.frames.picture_kinds import matches
from pipeline.system_files import is_of_system

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm")


@dataclass(frozen=True)
class SourceVideo:
    """One video of a source."""

    video_id: str
    """Name within the source: the relative path, followed by the video's own name where a file holds several."""
    kind: Literal["file", "pictures", "array", "digits", "hdf5", "hdf5_array", "tfrecord"]
    path: Path
    """The video file, the folder of pictures, or the file that holds several videos."""
    index: tuple[Any, ...] = ()
    """Where it is among several in one file or folder, as the reader of its kind understands it."""
    truth: Path | None = None
    """The truth's .npz file; for arrays a folder with one .npy per array of the truth."""

    def pictures(self) -> list[Path]:
        """The pictures of a folder, by name; numbers count as numbers (frame2 before frame10)."""
        pattern = self.index[0] if self.index else None
        return [file for file in pictures_in(self.path) if matches(file.name, pattern)]


def pictures_in(folder: Path) -> list[Path]:
    """The pictures right in a folder, in natural order; none are the system's own."""
    pictures = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    return sorted((file for file in pictures if not is_of_system(Path(file.name))), key=natural_order)


def natural_order(path: Path) -> list:
    return [(int(part), "") if number else (-1, part) for number, part in _parts(path.as_posix())]


def _parts(text: str) -> list[tuple[bool, str]]:
    return [(place % 2 == 1, part) for place, part in enumerate(re.split(r"(\d+)", text))]


def numbered(name: str, count: int) -> list[str]:
    """Names of `count` videos within `name`, in an order that is theirs as text, too."""
    digits = len(str(max(count - 1, 0)))
    return [f"{name}/{number:0{digits}d}" for number in range(count)]
