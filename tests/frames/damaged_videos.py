"""Video files that are damaged in chosen frames."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np


def texture(num_frames: int, height: int = 48, width: int = 64) -> np.ndarray:
    """uint8 [T, H, W, 3]: a noisy picture that moves to the right, one px a frame."""
    picture = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return np.stack([np.roll(picture, t, 1) for t in range(num_frames)])


def write(path: Path, frames: np.ndarray, codec: str = "libx264", fps: int = 10, **options: str) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, fps, options={"g": "10", "bf": "0", **options})
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps)
        for t, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels).reformat(format=stream.pix_fmt)
            frame.pts, frame.time_base = t, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def damage(path: Path, *numbers: int, first: int = 8, count: int = 12) -> None:
    """Flips `count` bytes of the frames of these numbers (in the order of the file), from the byte `first` on."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
        places = [(packets[number].pos, packets[number].size) for number in numbers]
    data = bytearray(path.read_bytes())
    for start, size in places:
        stop = start + min(size, first + count)
        data[start + first : stop] = bytes(value ^ 0xFF for value in data[start + first : stop])
    path.write_bytes(data)
