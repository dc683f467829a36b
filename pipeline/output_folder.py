"""Folders that a stage writes: whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.errors import UserError, writing
from pipeline.system_files import is_of_system


@contextmanager
def output_folder(path: Path, suffixes: set[str]) -> Iterator[Path]:
    """Yields an empty folder beside `path` to fill; afterwards it takes the place of `path`, unless the body raised.

    Raises UserError, before anything is written, when `path` holds files whose suffix is not one of `suffixes`: they
    were not written by this stage and would be lost.
    """
    files = [file for file in sorted(path.rglob("*")) if file.is_file() and not is_of_system(file.relative_to(path))]
    foreign = [file for file in files if file.suffix not in suffixes]
    if foreign or path.is_file():
        raise UserError(f"{path}: would be replaced, but holds {(foreign or [path])[0].name}; choose another folder")
    partial = path.with_name(path.name + ".partial")
    with writing(path):
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(parents=True)
    yield partial
    with writing(path):
        if path.exists():
            shutil.rmtree(path)
        partial.rename(path)
