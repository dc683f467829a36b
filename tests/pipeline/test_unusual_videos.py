"""Videos and pictures that are valid but unusual are read as they are meant."""

import struct
import zlib
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.frames.frame_store import open_frames
from pipeline.frames.write_video import write_video
from tests.pipeline.tiny_run import run_stage, write_params

SIDE, LENGTH = 16, 6
RED, BLUE = (255, 0, 0), (0, 0, 255)
FEWEST = 3
"""Videos: one for each split."""


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    Path("videos").mkdir()
    return tmp_path


def preprocess(**changes) -> np.ndarray:
    """uint8 [video, LENGTH, SIDE, SIDE, 3]: the first sequence of each video, by name."""
    values = {"source": "videos", "height": SIDE, "width": SIDE, "sequence_length": LENGTH, **changes}
    write_params(Path("params.yaml"), {"preprocess": values})
    result = run_stage("preprocess")
    assert result.exit_code == 0, result.output[-2000:] + repr(result.exception)
    stores = [open_frames(Path("data") / name) for name in ("frames.zarr", "test_frames.zarr")]
    frames = {}
    for store in stores:
        for row in np.flatnonzero(store.first_frame == 0):
            frames[store.video_id[row]] = store.read([row])[0]
    return np.stack([frames[name] for name in sorted(frames)])


def plain(color: tuple[int, int, int], height: int = SIDE, width: int = SIDE, num_frames: int = LENGTH) -> np.ndarray:
    return np.broadcast_to(np.array(color, np.uint8), (num_frames, height, width, 3)).copy()


def halves(left: tuple, right: tuple, height: int, width: int, num_frames: int = LENGTH) -> np.ndarray:
    frames = plain(left, height, width, num_frames)
    frames[:, :, width // 2 :] = right
    return frames


def close(frames: np.ndarray, color: tuple[int, int, int], tolerance: int = 3) -> bool:
    return bool(np.abs(frames.astype(int) - color).max() <= tolerance)


def write_lossless(path: Path, frames: np.ndarray, times: Sequence[int] = range(LENGTH)) -> None:
    """Each frame at its time in 1/10 s."""
    codec, pixels = {".mkv": ("ffv1", "bgr0"), ".mov": ("qtrle", "rgb24")}[path.suffix]
    options = {"slices": "1" if min(frames.shape[1:3]) == 1 else "4"} if codec == "ffv1" else {}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 10, options=options)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], pixels
        stream.codec_context.time_base = Fraction(1, 10)
        for frame, time in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame).reformat(format=pixels)
            picture.pts, picture.time_base = time, Fraction(1, 10)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def test_a_size_that_changes_within_a_file(folder):
    """As when a broadcast changes its resolution: Motion JPEG stores every picture with a size of its own."""
    for name, other in enumerate([(8, 8), (48, 16), (16, 40)]):
        with av.open(f"videos/{name}.mkv", "w") as container:
            stream = container.add_stream("mjpeg", 10)
            stream.width, stream.height, stream.pix_fmt = SIDE, SIDE, "yuvj444p"
            stream.codec_context.time_base = Fraction(1, 10)
            first = [packet for frame in pictures_of(plain(RED, SIDE, SIDE, 3)) for packet in stream.encode(frame)]
            for t, packet in enumerate([*first, *encoded(plain(BLUE, *other, 3))]):
                packet.stream, packet.pts, packet.dts, packet.time_base = stream, t, t, Fraction(1, 10)
                container.mux(packet)
    frames = preprocess()
    assert len(frames) == 3 and close(frames[:, :3], RED, 6) and close(frames[:, 3:], BLUE, 6)


def pictures_of(frames: np.ndarray):
    return [av.VideoFrame.from_ndarray(frame).reformat(format="yuvj444p") for frame in frames]


def encoded(frames: np.ndarray) -> list[av.Packet]:
    codec = av.CodecContext.create("mjpeg", "w")
    codec.height, codec.width = frames.shape[1:3]
    codec.pix_fmt, codec.time_base = "yuvj444p", Fraction(1, 10)
    return [packet for frame in pictures_of(frames) for packet in codec.encode(frame)]


@pytest.mark.parametrize("crop", ["none", "center"])
def test_sides_of_one_pixel_and_of_thousands(folder, crop):
    sizes = [(1, 1), (1, 40), (40, 1), (3, 4001), (4001, 3), (7, 5)]
    for name, size in enumerate(sizes):
        write_lossless(Path("videos") / f"{name}.mkv", plain((40 * name, 90, 200), *size))
    frames = preprocess(crop=crop)
    assert len(frames) == len(sizes)
    assert all(close(video, (40 * name, 90, 200)) for name, video in enumerate(frames))


def test_a_wide_video_keeps_its_left_and_right(folder):
    for name in range(FEWEST):
        write_lossless(Path("videos") / f"{name}.mkv", halves(RED, BLUE, 2, 4001))
    frames = preprocess(crop="none")
    assert close(frames[..., : SIDE // 2 - 1, :], RED) and close(frames[..., SIDE // 2 + 1 :, :], BLUE)


def turn(file: Path, a: int, b: int, c: int, d: int) -> None:
    """Writes the rotation into the track's header (ISO 14496-12), 16.16 fixed point."""
    data = bytearray(file.read_bytes())
    start = data.index(b"tkhd") + 4 + 40
    data[start : start + 20] = struct.pack(">5i", a << 16, b << 16, 0, c << 16, d << 16)
    file.write_bytes(data)


def test_rotated_by_metadata(folder):
    """The left half, which is white, is seen at the left, above, at the right and below."""
    for name, matrix in enumerate([(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)]):
        write_video(Path("videos") / f"{name}.mp4", halves((255, 255, 255), (0, 0, 0), 32, 64), 10)
        turn(Path("videos") / f"{name}.mp4", *matrix)
    frames = preprocess(crop="none")
    places = (np.s_[..., :5, :], np.s_[..., :5, :, :], np.s_[..., -5:, :], np.s_[..., -5:, :, :])
    for video, white, black in zip(frames, places, (*places[2:], *places[:2]), strict=True):
        assert video[white].min() > 235 and video[black].max() < 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mpg", ".avi"])
@pytest.mark.parametrize("turned", [False, True])
def test_pixels_that_are_wider_than_high(folder, suffix, turned):
    """Shown twice as wide as it is stored, so that the middle of 64x32 px is what lies between columns 16 and 48."""
    if turned and suffix != ".mp4":
        pytest.skip("only this one can be turned here")
    for name in range(FEWEST):
        path = Path("videos") / f"{name}{suffix}"
        frames = plain((255, 255, 255), 64, 64)
        frames[:, :, 16:48] = 0
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg2video" if suffix == ".mpg" else "mpeg4", 25)
            stream.height = stream.width = 64
            stream.pix_fmt, stream.codec_context.sample_aspect_ratio = "yuv420p", Fraction(2, 1)
            for frame in frames:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
            container.mux(stream.encode(None))
        if turned:
            turn(path, 0, 1, -1, 0)
    for video in preprocess(crop="center"):
        assert video[:, 2:-2, 2:-2].max() < 40
    for video in preprocess(crop="none"):
        edges = (video[:, :3], video[:, -3:]) if turned else (video[:, :, :3], video[:, :, -3:])
        assert all(edge.min() > 200 for edge in edges)


@pytest.mark.parametrize("suffix", [".mkv", ".mov"])
def test_a_variable_frame_rate(folder, suffix):
    """Wanted at 10 frames per second, each moment shows the latest frame."""
    frames = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8)
    for name in range(FEWEST):
        write_lossless(Path("videos") / f"{name}{suffix}", frames, [0, 2, 5, 6, 7, 8, 9, 10])
    for video in preprocess(fps=10):
        assert np.array_equal(video, frames[[0, 0, 1, 1, 1, 2]])


def deep_png(pixels: np.ndarray) -> bytes:
    """PNG of 16 bits a sample: uint16 [h, w, 1, 2, 3 or 4] as grey, grey with alpha, rgb, rgb with alpha."""
    height, width, channels = pixels.shape
    color_type = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_deep_and_transparent_pictures(folder):
    """Transparent places are shown on black."""
    pixels = {
        (100,): (100, 100, 100), (10, 200, 90): (10, 200, 90), (10, 200, 90, 255): (10, 200, 90),
        (200, 100, 50, 0): (0, 0, 0), (200, 100, 50, 128): (100, 50, 25),
    }
    kinds = [(pixel, wanted, bits) for pixel, wanted in pixels.items() for bits in (8, 16)]
    for name, (pixel, _, bits) in enumerate(kinds):
        (Path("videos") / f"{name:02}").mkdir()
        picture = np.broadcast_to(np.array(pixel), (SIDE, SIDE, len(pixel)))
        for t in range(LENGTH):
            file = Path("videos") / f"{name:02}" / f"{t}.png"
            if bits == 16:
                file.write_bytes(deep_png(picture * 257))
            else:
                Image.fromarray(picture.squeeze().astype(np.uint8)).save(file)
    for video, (pixel, wanted, bits) in zip(preprocess(), kinds, strict=True):
        assert close(video, wanted, 1), f"{pixel} of {bits} bits"


def test_deep_and_transparent_videos(folder):
    """Other than in pictures, the colours are taken as they stand there, however transparent."""
    kinds = [
        ("ffv1", "gray16le", "gray16le", (100 * 257,), (100, 100, 100)),
        ("ffv1", "rgb48le", "rgb48le", (10 * 257, 200 * 257, 90 * 257), (10, 200, 90)),
        ("ffv1", "yuv444p16le", "rgb48le", (10 * 257, 200 * 257, 90 * 257), (10, 200, 90)),
        ("ffv1", "bgra", "rgba", (200, 100, 50, 255), (200, 100, 50)),
        ("ffv1", "bgra", "rgba", (200, 100, 50, 128), (200, 100, 50)),
        ("qtrle", "argb", "rgba", (200, 100, 50, 0), (200, 100, 50)),
    ]
    for name, (codec, pixel_format, array_format, pixel, _) in enumerate(kinds):
        with av.open(f"videos/{name}.{'mov' if codec == 'qtrle' else 'mkv'}", "w") as container:
            stream = container.add_stream(codec, 10)
            stream.height, stream.width, stream.pix_fmt = SIDE, SIDE, pixel_format
            dtype = np.uint8 if array_format == "rgba" else np.uint16
            picture = np.ascontiguousarray(np.broadcast_to(np.array(pixel, dtype), (SIDE, SIDE, len(pixel))).squeeze())
            for _ in range(LENGTH):
                frame = av.VideoFrame.from_ndarray(picture, format=array_format)
                container.mux(stream.encode(frame.reformat(format=pixel_format)))
            container.mux(stream.encode(None))
    for video, (_, pixel_format, _, pixel, wanted) in zip(preprocess(), kinds, strict=True):
        assert close(video, wanted, 2), f"{pixel} as {pixel_format}"
