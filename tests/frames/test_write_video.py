import os
import subprocess
import sys

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from pipeline.frames.write_video import write_animation, write_video


def noise(frames: int = 5, height: int = 24, width: int = 32, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (frames, height, width, channels), dtype=np.uint8)


def decoded(path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_video_is_bit_exact(tmp_path, channels):
    frames = noise(channels=channels)
    write_video(tmp_path / "a.mkv", frames, 12.5, lossless=True)
    assert np.array_equal(decoded(tmp_path / "a.mkv"), np.broadcast_to(frames, (5, 24, 32, 3)))
    with av.open(str(tmp_path / "a.mkv")) as container:
        assert container.streams.video[0].average_rate == 12.5


def test_lossy_video_is_close_and_padded_to_even_sides(tmp_path):
    ramp = np.ascontiguousarray(np.broadcast_to(np.arange(33, dtype=np.uint8)[:, None] * 7, (4, 23, 33, 3)))
    write_video(tmp_path / "a.mp4", ramp, 10)
    video = decoded(tmp_path / "a.mp4")
    assert video.shape == (4, 24, 34, 3)
    assert np.abs(video[:, :23, :33].astype(int) - ramp).mean() < 3


@pytest.mark.parametrize("suffix", ["mkv", "mp4", "gif", "webp"])
def test_equal_frames_give_equal_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        path = tmp_path / f"{name}.{suffix}"
        if suffix in ("mkv", "mp4"):
            write_video(path, noise(), 10, lossless=suffix == "mkv")
        else:
            write_animation(path, noise(), 10)
    assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


FILM = """
import sys; from pathlib import Path; import numpy as np; from pipeline.frames.write_video import write_video
picture = np.random.default_rng(0).integers(0, 256, (20, 50, 3), np.uint8).repeat(8, 0).repeat(8, 1)
write_video(Path(sys.argv[1]), np.stack([np.roll(picture, 3 * t, 1) for t in range(10)]), 10)
"""


def test_what_memory_held_before_does_not_show(tmp_path):
    """MALLOC_PERTURB_ (of the C library of Linux) fills memory that is asked for."""
    for value in ("1", "85", "170"):
        command = [sys.executable, "-c", FILM, str(tmp_path / f"{value}.mp4")]
        subprocess.run(command, check=True, env={**os.environ, "MALLOC_PERTURB_": value})
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


def test_animations_play_every_frame_at_the_right_pace_forever(tmp_path):
    frames = np.repeat(np.linspace(0, 255, 6).astype(np.uint8), 16 * 16).reshape(6, 16, 16, 1)
    for suffix in ("gif", "webp"):
        write_animation(tmp_path / f"a.{suffix}", frames, 8)
        with Image.open(tmp_path / f"a.{suffix}") as picture:
            assert picture.info.get("loop") == 0
            shown, durations = [], set()
            for frame in ImageSequence.Iterator(picture):
                shown.append(np.asarray(frame.convert("RGB")))
                durations.add(frame.info["duration"])
        assert np.array_equal(np.stack(shown)[..., :1], frames)
        assert durations == {120}


def test_webp_animation_is_lossless(tmp_path):
    write_animation(tmp_path / "a.webp", noise(), 10)
    with Image.open(tmp_path / "a.webp") as picture:
        shown = np.stack([np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)])
    assert np.array_equal(shown, noise())
