"""TFRecord files of tf.train.Examples, written here byte by byte as TensorFlow does."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames.source import open_source
from pipeline.frames.tfrecord_source import frames, is_one, masked_checksum
from tests.frames.reading import videos_in

FEATURE = "{}/image_aux1/encoded"


def varint(value: int) -> bytes:
    head = b""
    while value > 0x7F:
        head, value = head + bytes([value & 0x7F | 0x80]), value >> 7
    return head + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def example(features: dict[str, bytes | list[bytes] | list[float]]) -> bytes:
    """A tf.train.Example of byte strings, lists of them, and lists of floats."""
    entries = b""
    for name, value in features.items():
        if isinstance(value, bytes):
            value = [value]
        if isinstance(value[0], bytes):
            feature = field(1, b"".join(field(1, content) for content in value))
        else:
            feature = field(2, field(1, struct.pack(f"<{len(value)}f", *value)))
        entries += field(1, field(1, name.encode()) + field(2, feature))
    return field(1, entries)


def record(data: bytes) -> bytes:
    length = struct.pack("<Q", len(data))
    return (length + masked_checksum(length).to_bytes(4, "little") + data + masked_checksum(data).to_bytes(4, "little"))


def noise(seed: int, count: int, side: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def png(frame: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(frame).save(stream, "PNG")
    return stream.getvalue()


def robot(pixels: np.ndarray, encode=np.ndarray.tobytes) -> bytes:
    """One trajectory as BAIR's files hold it: two cameras, an action and a place per frame, in no order."""
    features = {}
    for number, frame in reversed(list(enumerate(pixels))):
        features |= {f"{number}/action": [0.5, -1.0], f"{number}/image_main/encoded": encode(255 - frame),
                     f"{number}/image_aux1/encoded": encode(frame), f"{number}/endeffector_pos": [1.0, 2.0, 3.0]}
    return record(example(features))


def read(path, feature: str = FEATURE) -> dict[str, np.ndarray]:
    return videos_in(path, tfrecord_feature=feature)


def test_the_checksum_is_tensorflows():
    """The first twelve bytes of every event file that TensorFlow writes: a length of 24 and its checksum."""
    assert masked_checksum(bytes([0x18, 0, 0, 0, 0, 0, 0, 0])) == int.from_bytes(b'\xa3\x7fK"', "little")


@pytest.mark.parametrize("encode", [np.ndarray.tobytes, png], ids=["raw", "png"])
def test_every_record_is_a_video_of_the_camera_that_is_named(tmp_path, encode):
    (tmp_path / "train").mkdir()
    videos = [noise(seed, 12) for seed in range(3)]
    (tmp_path / "train" / "traj_0_to_2.tfrecords").write_bytes(b"".join(robot(video, encode) for video in videos))
    found = read(tmp_path)
    assert list(found) == [f"train/traj_0_to_2.tfrecords/{number}" for number in range(3)]
    assert all(np.array_equal(*pair) for pair in zip(found.values(), videos, strict=True))
    other = read(tmp_path, "{}/image_main/encoded")
    assert np.array_equal(other["train/traj_0_to_2.tfrecords/1"], 255 - videos[1])


def movi(pixels: np.ndarray) -> bytes:
    """One scene as TensorFlow Datasets writes it: every kind of picture in a feature of its own."""
    return record(example({
        "segmentations": [png(frame // 255) for frame in pixels], "metadata/video_name": b"7",
        "camera/focal_length": [35.0], "background": png(pixels[0]), "video": [png(frame) for frame in pixels],
    }))


def test_all_frames_may_be_in_one_feature(tmp_path):
    videos = [noise(seed, 24) for seed in range(3)]
    data = b"".join(movi(video) for video in videos)
    (tmp_path / "movi_a-train.tfrecord-00000-of-00002").write_bytes(data)
    found = read(tmp_path, "video")
    assert list(found) == [f"movi_a-train.tfrecord-00000-of-00002/{number}" for number in range(3)]
    assert all(np.array_equal(*pair) for pair in zip(found.values(), videos, strict=True))


@pytest.mark.parametrize(("feature", "complaint"), [
    (FEATURE, r"wanted features named {}/image_aux1/encoded .*found background \(1 picture\), "
              r"segmentations \(2 pictures\), video \(2 pictures\), metadata/video_name$"),
    ("rgb", r"wanted features named rgb \(preprocess.tfrecord_feature\), found background"),
    ("metadata/video_name", "to hold a PNG or JPEG for each frame, got other bytes"),
    ("camera/focal_length", "found background"),
])
def test_what_a_record_holds_is_said_when_the_feature_is_not_there(tmp_path, feature, complaint):
    (tmp_path / "a.tfrecord").write_bytes(movi(noise(0, 2)))
    with pytest.raises(ValueError, match=complaint):
        read(tmp_path, feature)


def test_pictures_of_16_bits_are_not_cut_off_in_silence(tmp_path):
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), 40_000, np.uint16)).save(stream, "PNG")
    (tmp_path / "a.tfrecord").write_bytes(record(example({"depth": [stream.getvalue()] * 2})))
    with pytest.raises(ValueError, match="depth hold more than 8 bits"):
        read(tmp_path, "depth")


def test_names_of_tfrecord_files(tmp_path):
    for name in ("a.tfrecord", "A.TFRecords", "a.tfrecord-00001-of-00010"):
        assert is_one(tmp_path / name), name
    assert not is_one(tmp_path / "a.record")


@pytest.mark.parametrize(("damage", "complaint"), [
    (lambda data: data[:-1], "ends within record 1"),
    (lambda data: data + b"\0\0\0", r"broken record \(number 2\)"),
    (lambda data: b"\1" + data[1:], r"broken record \(number 0\)"),
    (lambda data: b"not a TFRecord file", r"broken record \(number 0\)"),
], ids=["cut", "longer", "other length", "text"])
def test_a_damaged_file_is_named(tmp_path, damage, complaint):
    path = tmp_path / "a.tfrecords"
    path.write_bytes(damage(robot(noise(0, 2)) * 2))
    with pytest.raises(UserError, match=complaint) as caught, open_source(path, None, tfrecord_feature=FEATURE):
        pass
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "complaint"), [
    (robot(noise(0, 2))[:-5] + b"\0" + robot(noise(0, 2))[-4:], "checksum"),
    (record(example({"0/action": [1.0], "depth": b"1"})), "wanted features named .*found depth$"),
    (record(example({"0/image_aux1/encoded": bytes(100)})), "100 bytes is neither PNG, JPEG nor a square"),
    (record(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"), "no tf.train.Example"),
    (record(b"\x0a\x7f"), "no tf.train.Example"),
    (record(b""), "found none"),
], ids=["flipped byte", "other features", "no picture", "endless number", "length past the end", "empty"])
def test_a_record_without_frames_says_why(tmp_path, content, complaint):
    path = tmp_path / "a.tfrecords"
    path.write_bytes(content)
    with open_source(path, None, tfrecord_feature=FEATURE) as source, pytest.raises(ValueError, match=complaint):
        list(frames(source.videos[0]))
