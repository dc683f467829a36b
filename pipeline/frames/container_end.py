"""Whether the end of a video file is missing. Most containers say how long they are; FFmpeg stops without a word.

Only the part that holds the frames is asked. Lengths of the whole file or of trailers, which many programs write
carelessly, say nothing about frames.
"""

import struct
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
_ASF, _ASF_DATA = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
_BOXES_OF_FRAMES = (b"moov", b"moof", b"mdat")
_NOT_WRITTEN = (0, 0xFFFFFFFF)
"""Lengths in a file whose recorder never came to write them."""
_LARGEST_OGG_PAGE = 65_307
_UNKNOWN = 0


def missing_bytes(path: Path) -> int:
    """How many bytes a file lacks (at least), by its container's own account; 0: none, or its container does not
    say."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(0)
        try:
            return max(0, _end(file, head, size) - size)
        except (struct.error, IndexError):
            return 1  # it ends within a header


def _end(file: BinaryIO, head: bytes, size: int) -> int:
    """Where the file should end, bytes; _UNKNOWN where it does not say."""
    if head[:4] == _EBML:
        return _end_of_matroska(file)
    if head[:4] == b"RIFF":
        return _end_of_avi(file, size)
    if head[4:8] in _BOXES:
        return _end_of_boxes(file, size)
    if head == _ASF:
        return _end_of_asf(file)
    if head[:3] == b"FLV":
        return _end_of_flash(file, size)
    if head[:4] == b"OggS":
        return _end_of_ogg(file, size)
    if head[:3] == b"GIF":
        return _end_of_gif(file)
    return _end_of_transport(file, size)


def _end_of_matroska(file: BinaryIO) -> int:
    while identifier := file.read(4):
        first = file.read(1)[0]
        length = 9 - first.bit_length()
        number = int.from_bytes(bytes([first]) + file.read(length - 1), "big") & ((1 << 7 * length) - 1)
        if identifier == _SEGMENT:
            return _UNKNOWN if number == (1 << 7 * length) - 1 else file.tell() + number
        if identifier != _EBML:
            return _UNKNOWN
        file.seek(number, 1)
    return _UNKNOWN


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """ISO 14496-12: boxes one after the other, each with its length."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        if not (kind.isascii() and kind.replace(b" ", b"a").isalnum()):
            return _UNKNOWN  # padding, say
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        if length < 8:
            return _UNKNOWN  # 0: as far as the file goes
        place += length
        if place > size and kind in _BOXES_OF_FRAMES:
            return place
    return _UNKNOWN


def _end_of_avi(file: BinaryIO, size: int) -> int:
    """The lists of frames, `movi`, of all its parts."""
    part = 0
    while part + 12 <= size:
        file.seek(part)
        kind, length, form = struct.unpack("<4sI4s", file.read(12))
        if kind != b"RIFF" or form not in (b"AVI ", b"AVIX"):
            return _UNKNOWN
        place, stop = part + 12, part + 8 + length if length not in _NOT_WRITTEN else size
        while place + 12 <= min(stop, size):
            file.seek(place)
            kind, inner, form = struct.unpack("<4sI4s", file.read(12))
            place += 8 + inner + inner % 2
            if kind == b"LIST" and form == b"movi" and (inner in _NOT_WRITTEN or place > size):
                return _UNKNOWN if inner in _NOT_WRITTEN else place
        part = stop + stop % 2
    return _UNKNOWN


def _end_of_asf(file: BinaryIO) -> int:
    header = struct.unpack("<16xQ", file.read(24))[0]
    file.seek(header)
    kind, length = struct.unpack("<16sQ", file.read(24))
    return header + length if kind == _ASF_DATA else _UNKNOWN


def _end_of_gif(file: BinaryIO) -> int:
    """Blocks that end in a row of sub-blocks, each with its length before it, the last one empty."""
    flags = file.read(13)[10]
    _skip_colors(file, flags)
    while (block := file.read(1)) in (b"!", b","):
        if block == b",":
            _skip_colors(file, file.read(9)[8])
        file.seek(1, 1)
        while length := file.read(1)[0]:
            file.seek(length, 1)
    return _UNKNOWN


def _skip_colors(file: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        file.seek(3 << (flags & 7) + 1, 1)


def _end_of_flash(file: BinaryIO, size: int) -> int:
    place = 13
    while place + 11 <= size:
        file.seek(place)
        kind, high, low = struct.unpack(">BBH7x", file.read(11))
        if kind & 0x1F not in (8, 9, 18):
            return _UNKNOWN
        place += 11 + (high << 16 | low) + 4
    return place


def _end_of_ogg(file: BinaryIO, size: int) -> int:
    start = max(0, size - 2 * _LARGEST_OGG_PAGE)
    file.seek(start)
    tail = file.read()
    page = tail.rfind(b"OggS")
    num_segments = tail[page + 26]
    segments = tail[page + 27 : page + 27 + num_segments]
    if len(segments) < num_segments:
        return size + 1
    return start + page + 27 + num_segments + sum(segments)


def _end_of_transport(file: BinaryIO, size: int) -> int:
    """MPEG's transport stream: packets of one size (188 bytes, on discs 192), each with the byte 0x47."""
    head = file.read(5 * 192)
    for length, first in ((188, 0), (192, 4)):
        if len(head) > first + 3 * length and all(head[first + number * length] == 0x47 for number in range(4)):
            return -(-size // length) * length
    return _UNKNOWN
