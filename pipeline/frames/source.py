"""What a path holds: video files, folders of pictures, files of many videos; the same list of videos for all of them.

Ground truth lies beside a video as NAME.truth.npz (its arrays: see frame_store); beside an array of several videos,
every array of its truth has a leading video axis, and an object of size 0 does not exist.
"""

import hashlib
import sys
import tempfile
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import UserError
from pipeline.frames import array_source, digit_source, hdf5_source, tfrecord_source
from pipeline.frames.array_files import ArrayFiles
from pipeline.frames.found_files import files_within, unread
from pipeline.frames.picture_kinds import matches, naming, patterns
from pipeline.frames.preprocess_params import ArrayLayout, DigitParams
from pipeline.frames.source_video import IMAGE_SUFFIXES, SourceVideo, natural_order

VIDEO_SUFFIXES = (
    ".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv", ".3gp",
    ".ogv", ".gif",
)
TRUTH_SUFFIX = ".truth.npz"

_BLOCK = 1 << 22
_NOT_IN_NAMES = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode's categories of a line break, say, or of bytes that are no UTF-8; any kind of space may be there."""


@dataclass(frozen=True)
class Source:
    """All videos of a source in the order of their names, and the files that they consist of."""

    videos: list[SourceVideo]
    files: dict[str, Path]
    """Name within the source -> file, truth included."""

    def num_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.files.values())

    def identity(self, advance: Callable[[int], None]) -> str:
        """SHA-256 over the names and bytes of all files, whatever folder the source lies in; `advance` counts bytes."""
        whole = hashlib.sha256()
        for name in sorted(self.files):
            digest = hashlib.sha256()
            with self.files[name].open("rb") as stream:
                while block := stream.read(_BLOCK):
                    digest.update(block)
                    advance(len(block))
            whole.update(f"{name}\0{digest.hexdigest()}\0".encode())
        return whole.hexdigest()


@contextmanager
def open_source(
    path: Path, array_layout: ArrayLayout | None, digits: DigitParams | None = None,
    tfrecord_feature: str | None = None, pictures: str | None = None, array_name: str | None = None,
    named: str = "preprocess.source",
) -> Iterator[Source]:
    """Finds the videos at `path` (packed arrays are unpacked for the time being, so that they need not fit in memory)
    and says on stderr what is left out. `pictures`: names of the pictures that are frames; None: all of a folder.
    `array_name`: names of the arrays that are videos; None: all of a kind, where there are no other videos. `named`:
    what says where to look.

    Raises UserError when nothing is there, a file that holds several videos is not what its reader wants, or a folder
    holds several kinds of pictures, or pictures beside videos, and nobody says which are meant.
    """
    try:
        exists = path.is_file() or path.is_dir()
    except OSError as error:
        raise UserError(f"{str(path)[:200]}: {error.strerror}; set preprocess.source to another path") from error
    if not exists:
        raise UserError(f"{not_there(path)}; check {named}: wanted a folder of videos, a video or an array")
    with tempfile.TemporaryDirectory() as scratch:
        root = path if path.is_dir() else path.parent
        entries, notes = files_within(path) if path.is_dir() else ([path], [])
        files = [
            _videos_of_file(entry, root, digits, tfrecord_feature, array_name is None, Path(scratch))
            for entry in entries
        ]
        found = [*files, *(_pictures(entries, root, pictures, notes) if path.is_dir() else [])]
        with_arrays = [
            entry for entry, others in zip(entries, files, strict=True)
            if _is(entry, array_source.SUFFIXES + hdf5_source.SUFFIXES) and not others.videos
        ]
        arrays = ArrayFiles(array_layout, array_name, Path(scratch))
        if array_name or not any(others.videos for others in found):
            found += [_arrays_of_file(entry, root, arrays, entry == path) for entry in with_arrays]
        elif with_arrays:
            example = with_arrays[0].relative_to(root).as_posix()
            notes.append(f"{len(with_arrays)} files of arrays beside videos, such as '{example}', which are only read "
                         "where preprocess.array_name names some")
        source = _joined(found)
        known = {*source.files.values(), *with_arrays, *(entry for entry in entries if _is(entry, IMAGE_SUFFIXES))}
        notes += unread((entry for entry in entries if entry not in known), root)
        if without := arrays.without_videos():
            if not source.videos:
                raise without
            notes.append(str(without))
        arrays.refuse_unlike()
        for line in arrays.guesses():
            print(line, file=sys.stderr)
        if not source.videos:
            chosen = f" called {pictures}" if pictures else ""
            raise UserError(
                f"{path}: wanted videos ({' '.join(VIDEO_SUFFIXES)}), folders of pictures{chosen} "
                f"({' '.join(IMAGE_SUFFIXES)}), arrays ({' '.join(array_source.SUFFIXES)}), HDF5 "
                f"({' '.join(hdf5_source.SUFFIXES)}), TFRecord "
                f"(.tfrecord) or digits (.idx.gz), found none; check {named}"
            )
        for name in source.files:
            if any(unicodedata.category(character) in _NOT_IN_NAMES for character in name):
                raise UserError(f"{path}: a file's name holds what cannot be printed, {ascii(name)}; rename it")
        for note in notes:
            print(f"left out: {note}", file=sys.stderr)
        yield source


def not_there(path: Path) -> str:
    """What is wrong with a path at which nothing lies."""
    is_pattern = not {"*", "?", "["}.isdisjoint(str(path))
    return f"{path}: does not exist" + ", and patterns are not expanded, give the folder" * is_pattern


def _videos_of_file(
    file: Path, root: Path, digits: DigitParams | None, tfrecord_feature: str | None, as_published: bool, scratch: Path,
) -> Source:
    """Videos of a file that does not hold plain arrays; as_published: HDF5 may have the layout of a published set."""
    name, truth = file.relative_to(root).as_posix(), None
    if not file.is_file():
        return Source([], {})
    if _is(file, VIDEO_SUFFIXES):
        truth = _truth_beside(file)
        videos = [SourceVideo(name, "file", file, truth=truth)]
    elif _is(file, hdf5_source.SUFFIXES) and as_published and (found := hdf5_source.find_videos(file, name)):
        videos = found
    elif tfrecord_source.is_one(file):
        assert tfrecord_feature is not None
        videos = tfrecord_source.find_videos(file, name, tfrecord_feature)
    elif digit_source.is_one(file):
        assert digits is not None
        videos = digit_source.find_videos(file, name, digits, scratch)
    else:
        return Source([], {})
    return Source(videos, {part.relative_to(root).as_posix(): part for part in (file, truth) if part})


def _arrays_of_file(file: Path, root: Path, arrays: ArrayFiles, is_alone: bool) -> Source:
    name, truth = file.relative_to(root).as_posix(), _truth_beside(file)
    videos = arrays.videos(file, name, truth, is_alone)
    parts = [file, *([truth] if truth and any(video.truth for video in videos) else [])] if videos else []
    return Source(videos, {part.relative_to(root).as_posix(): part for part in parts})


def _pictures(entries: list[Path], root: Path, chosen: str | None, notes: list[str]) -> Iterator[Source]:
    beside = Counter(entry.parent for entry in entries if _is(entry, VIDEO_SUFFIXES))
    folders: dict[Path, list[Path]] = {}
    for entry in entries:
        if _is(entry, IMAGE_SUFFIXES):
            folders.setdefault(entry.parent, []).append(entry)
    for folder in sorted(folders, key=natural_order):
        pictures = [file for file in folders[folder] if matches(file.name, chosen)]
        if not chosen:
            _refuse_several(folder, pictures, beside[folder])
        elif rest := [file for file in folders[folder] if file not in set(pictures)]:
            example = rest[0].relative_to(root).as_posix()
            notes.append(f"{len(rest)} pictures that preprocess.pictures = {chosen} does not name, such as '{example}'")
        if not pictures:
            continue
        # Pictures right at the top are one video, named like the folder; its truth lies outside.
        name, truth = (folder.name if folder == root else folder.relative_to(root).as_posix()), _truth_beside(folder)
        video = SourceVideo(name, "pictures", folder, (chosen,), truth=truth)
        files = {file.relative_to(root).as_posix(): file for file in pictures}
        yield Source([video], files | ({name + TRUTH_SUFFIX: truth} if truth else {}))


def _refuse_several(folder: Path, pictures: list[Path], num_videos: int) -> None:
    found = patterns(file.name for file in pictures)
    if num_videos:
        raise UserError(
            f"{folder}: wanted videos or the pictures of one, found {num_videos} videos and {len(pictures)} pictures "
            f"({naming(found)}); set preprocess.pictures to the names of those that are frames, or to none"
        )
    if len(found) > 1:
        raise UserError(
            f"{folder}: wanted pictures of one video, whose names differ in their number only, found "
            f"{naming(found)}; set preprocess.pictures to the one that is meant (* reads all as one video)"
        )


def _joined(sources: list[Source]) -> Source:
    files = {name: file for source in sources for name, file in source.files.items()}
    return Source([video for source in sources for video in source.videos], files)


def _truth_beside(path: Path) -> Path | None:
    name = path.name.removesuffix(path.suffix) if path.is_file() else path.name
    truth = path.with_name(name + TRUTH_SUFFIX)
    return truth if truth.is_file() else None


def _is(path: Path, suffixes: tuple[str, ...]) -> bool:
    return path.suffix.lower() in suffixes and not path.name.endswith(TRUTH_SUFFIX)

