"""Whether the end of a video file is missing: most containers say how long they are; FFmpeg stops without a word."""

import struct
from pathlib import Path
from typing import BinaryIO

_EBML, _SEGMENT = bytes.fromhex("1a45dfa3"), bytes.fromhex("18538067")
_ASF, _ASF_FILE = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot")
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
        length = struct.unpack("<I", head[4:8])[0]
        return 8 + length if length not in (0, 0xFFFFFFFF) else _UNKNOWN  # its recorder never came to write it
    if head[4:8] in _BOXES:
        return _end_of_boxes(file, size)
    if head == _ASF:
        return _end_of_asf(file)
    if head[:3] == b"FLV":
        return _end_of_flash(file, size)
    if head[:4] == b"OggS":
        return _end_of_ogg(file, size)
    if head[:3] == b"GIF":
        file.seek(max(0, size - 64))
        return size + (not file.read().rstrip(b"\0").endswith(b";"))
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
    while place < size:
        file.seek(place)
        length, kind = struct.unpack(">I4s", file.read(8))
        if not (kind.isascii() and kind.replace(b" ", b"a").isalnum()):
            return _UNKNOWN  # padding, say
        if length == 1:
            length = struct.unpack(">Q", file.read(8))[0]
        if length < 8:
            return _UNKNOWN  # 0: as far as the file goes
        place += length
    return place


def _end_of_asf(file: BinaryIO) -> int:
    num_objects = struct.unpack("<16xQIH", file.read(30))[1]
    for _ in range(num_objects):
        start = file.tell()
        kind, length = struct.unpack("<16sQ", file.read(24))
        if kind == _ASF_FILE:
            whole, flags = struct.unpack("<16xQ40xI", file.read(68))
            return _UNKNOWN if flags & 1 else whole  # 1: a broadcast
        file.seek(start + max(24, length))
    return _UNKNOWN


def _end_of_flash(file: BinaryIO, size: int) -> int:
    place = 13
    while place < size:
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
