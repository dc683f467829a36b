"""Videos in TFRecord files, one tf.train.Example each, read without TensorFlow: a feature per frame (BAIR robot
pushing), or all frames in one (MOVi and other sets written by TensorFlow Datasets).

A record is its length (uint64), a checksum of the length, the bytes of the Example, and a checksum of these, all
little-endian; a checksum is CRC-32C, rotated and shifted by a constant (tensorflow/core/lib/hash/crc32c.h). An Example
is in the protocol buffers' wire format: Example.features = 1, Features.feature = 1 (a map: key = 1, value = 2),
Feature.bytes_list = 1, BytesList.value = 1.
"""

import io
import math
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import numpy as np
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames.source_video import SourceVideo, numbered

_NAME = re.compile(r"\.tfrecords?(-\d+-of-\d+)?$")
_HEAD = struct.Struct("<QI")
_PICTURE_HEADS = (b"\x89PNG", b"\xff\xd8\xff")
_MOST_NAMED = 8
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5


def is_one(path: Path) -> bool:
    return _NAME.search(path.name.lower()) is not None


def find_videos(path: Path, name: str, feature: str) -> list[SourceVideo]:
    """One video per record of the file at `path`; `feature` names the feature of a frame, {} being its number, or
    without {} that of all frames.

    Raises UserError when the file is no TFRecord file, or ends too soon.
    """
    places: list[tuple[int, int]] = []
    file_length = path.stat().st_size
    with path.open("rb") as file:
        while head := file.read(_HEAD.size):
            length, checksum = _HEAD.unpack(head) if len(head) == _HEAD.size else (file_length, 0)
            if len(head) < _HEAD.size or masked_checksum(head[:8]) != checksum:
                raise UserError(
                    f"{path}: wanted a TFRecord file, found a broken record (number {len(places)}); get it again"
                )
            start = file.tell()
            if start + length + 4 > file_length:
                raise UserError(f"{path}: ends within record {len(places)}; get the file again")
            places.append((start, length))
            file.seek(start + length + 4)
    return [
        SourceVideo(video, "tfrecord", path, (*place, feature))
        for place, video in zip(places, numbered(name, len(places)), strict=True)
    ]


def num_frames(video: SourceVideo) -> int:
    return len(_encoded_frames(video))


def frames(video: SourceVideo) -> Iterator[np.ndarray]:
    """Yields frames uint8 [height, width, 3]. Raises OSError or ValueError."""
    for encoded in _encoded_frames(video):
        if _is_picture(encoded):
            with Image.open(io.BytesIO(encoded)) as picture:
                if picture.mode.startswith(("I", "F")):  # Pillow would cut them off at 255
                    raise ValueError(f"the pictures of {video.index[2]} hold more than 8 bits a sample")
                yield np.asarray(picture.convert("RGB"))
        else:
            side = math.isqrt(len(encoded) // 3)
            if side * side * 3 != len(encoded):
                raise ValueError(f"a frame of {len(encoded)} bytes is neither PNG, JPEG nor a square of RGB pixels")
            yield np.frombuffer(encoded, np.uint8).reshape(side, side, 3)


def masked_checksum(data: bytes) -> int:
    checksum = google_crc32c.value(data)
    return ((checksum >> 15 | checksum << 17) + 0xA282EAD8) & 0xFFFFFFFF


def _encoded_frames(video: SourceVideo) -> list[memoryview]:
    """The frames of a record, in order. Raises ValueError."""
    start, length, feature = video.index
    with video.path.open("rb") as file:
        file.seek(start)
        data, checksum = file.read(length), file.read(4)
    if masked_checksum(data) != int.from_bytes(checksum, "little"):
        raise ValueError("the record's checksum is another one")
    features = dict(_features(memoryview(data)))
    wanted = f"wanted features named {feature} (preprocess.tfrecord_feature)"
    found: list[memoryview] = []
    if "{}" in feature:
        while values := features.get(feature.replace("{}", str(len(found)))):
            found.append(values[0])
    else:
        found = features.get(feature, [])
        if found and not _is_picture(found[0]):
            raise ValueError(f"{wanted} to hold a PNG or JPEG for each frame, got other bytes")
    if not found:
        raise ValueError(f"{wanted}, found {_listed(features)}")
    return found


def _features(example: memoryview) -> Iterator[tuple[str, list[memoryview]]]:
    """Name and values of every feature that holds bytes. Raises ValueError."""
    for features in _values(example, 1):
        for entry in _values(features, 1):
            for key, value in zip(_values(entry, 1), _values(entry, 2), strict=False):
                for bytes_list in _values(value, 1):
                    yield str(key, "utf-8"), list(_values(bytes_list, 1))


def _listed(features: dict[str, list[memoryview]]) -> str:
    """Names of features, those with pictures first."""
    pictures = {name: len(values) for name, values in features.items() if values and _is_picture(values[0])}
    names = [f"{name} ({pictures[name]} picture{'s' * (pictures[name] > 1)})" for name in sorted(pictures)]
    names += sorted(features.keys() - pictures.keys())
    if len(names) > _MOST_NAMED:
        names[_MOST_NAMED:] = [f"{len(names) - _MOST_NAMED} others"]
    return ", ".join(names) or "none"


def _is_picture(encoded: memoryview) -> bool:
    return bytes(encoded[:4]).startswith(_PICTURE_HEADS)


def _values(message: memoryview, number: int) -> Iterator[memoryview]:
    """The values of the length-delimited fields called `number` in a message. Raises ValueError."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        kind = tag & 7
        if kind == _VARINT:
            _, position = _varint(message, position)
            continue
        length = {_FIXED_64: 8, _FIXED_32: 4}.get(kind)
        if kind == _BYTES:
            length, position = _varint(message, position)
        if length is None or position + length > len(message):
            raise ValueError("the record is no tf.train.Example")
        if kind == _BYTES and tag >> 3 == number:
            yield message[position : position + length]
        position += length


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The number at `position`, seven bits a byte, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte, position = message[position], position + 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("the record is no tf.train.Example")
