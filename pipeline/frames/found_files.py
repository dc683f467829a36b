"""The files within a folder, and what is said of those that nobody reads."""

import os
from collections import Counter, deque
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import UserError
from pipeline.frames.source_video import natural_order
from pipeline.system_files import is_of_system

_MOST_NAMED = 8


def files_within(root: Path) -> tuple[list[Path], list[str]]:
    """All files within `root` in the order of their names, and a line on each thing there that is no file.

    Links to folders are followed, but every real folder is read once, under its own name rather than that of a link.
    Hidden files and those of the system are left out. Raises UserError when a folder cannot be read.
    """
    top = root.resolve()
    files: list[Path] = []
    notes: list[str] = []
    seen, folders, links = set[Path](), deque([root]), deque[Path]()
    while folders or links:
        folder = folders.popleft() if folders else links.popleft()
        real, name = folder.resolve(), folder.relative_to(root).as_posix()
        if real in seen or (real != top and top.is_relative_to(real)):
            notes.append(f"link '{name}' leads to a folder that is read already or holds the source")
            continue
        seen.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise UserError(f"{folder}: cannot be read ({error.strerror}); change its permissions") from error
        for entry in entries:
            path = folder / entry.name
            if is_of_system(path.relative_to(folder)):
                continue
            if path.is_dir():
                (links if entry.is_symlink() else folders).append(path)
            elif path.is_file():
                files.append(path)
            else:
                kind = "a link that leads nowhere" if entry.is_symlink() else "no file"
                notes.append(f"'{path.relative_to(root).as_posix()}' is {kind}")
    return sorted(files, key=natural_order), notes


def unread(files: Iterable[Path], root: Path) -> list[str]:
    """One line on the files that no reader knows by their suffixes, if there are any."""
    unknown = list(files)
    if not unknown:
        return []
    counts = Counter(_suffix(file) for file in unknown).most_common()
    named = [f"{count} file{'s' * (count > 1)} {suffix}" for suffix, count in counts[:_MOST_NAMED]]
    if more := sum(count for _, count in counts[_MOST_NAMED:]):
        named.append(f"{more} others")
    return [f"{', '.join(named)}, such as '{unknown[0].relative_to(root).as_posix()}': no reader for these"]


def _suffix(file: Path) -> str:
    if file.name.endswith(".truth.npz"):
        return ".truth.npz without a video"
    return file.suffix.lower() or "without a suffix"
