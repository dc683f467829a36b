"""Files are whole or not there."""

import os
from pathlib import Path

from pipeline.errors import writing


def write_file(path: Path, *parts: bytes | memoryview) -> None:
    """Writes the parts, one after the other, in one step: whenever it is cut off, a reader finds the former file or
    this one. Makes the folder if it is not there. Raises CannotWrite when the system refuses."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())  # a power cut after the rename must not find an empty file
        os.replace(partial, path)
