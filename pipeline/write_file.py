"""Files are whole or not there."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from pipeline.errors import writing


def write_file(path: Path, *parts: bytes | memoryview) -> None:
    """Writes the parts, one after the other, in one step: whenever it is cut off, a reader finds the former file or
    this one. Makes the folder if it is not there. Raises CannotWrite when the system refuses."""
    with file_to_write(path) as file:
        file.writelines(parts)


@contextmanager
def file_to_write(path: Path) -> Iterator[BinaryIO]:
    """Does as `write_file` for content that need not fit in memory: yields a file beside `path`, which takes its place
    unless the body raises."""
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        with partial.open("wb") as file:
            try:
                yield file
            except BaseException:
                with suppress(OSError):
                    partial.unlink()
                raise
            file.flush()
            os.fsync(file.fileno())  # a power cut after the rename must not find an empty file
        os.replace(partial, path)
