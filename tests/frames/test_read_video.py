from itertools import count, islice

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.frames import read_video
from pipeline.frames.damage import UnreadableVideo
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, probe, read_frames
from pipeline.frames.source import SourceVideo, open_source
from pipeline.frames.write_video import write_video


def wanted(**changes) -> FrameFormat:
    return FrameFormat(**{
        "height": 16, "width": 16, "crop": "center", "color": "rgb", "fps": None, "fps_if_unknown": 10, **changes,
    })


def read(path, form: FrameFormat, threads: int = 1) -> tuple[list[int], np.ndarray, VideoInfo]:
    with open_source(path, "video_time") as source:
        info = probe(source.videos[0], form)
        indices, frames = zip(*read_frames(source.videos[0], form, info, threads), strict=True)
    return list(indices), np.stack(frames), info


def store_as(kind: str, tmp_path, frames: np.ndarray, fps: float = 10):
    """Writes frames uint8 [T, H, W, 3] losslessly as a source of one video."""
    if kind == "file":
        write_video(tmp_path / "a.mkv", frames, fps, lossless=True)
        return tmp_path / "a.mkv"
    if kind == "array":
        np.save(tmp_path / "a.npy", frames[None])
        return tmp_path / "a.npy"
    (tmp_path / "a").mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(tmp_path / "a" / f"{number}.png")
    return tmp_path / "a"


def noise(frames: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


KINDS = pytest.mark.parametrize("kind", ["file", "pictures", "array"])


@KINDS
@pytest.mark.parametrize("threads", [1, 3])
def test_frames_of_the_wanted_shape_come_through_untouched_and_in_order(tmp_path, kind, threads):
    frames = noise(12, 16, 16)
    indices, got, info = read(store_as(kind, tmp_path, frames), wanted(), threads)
    assert indices == list(range(12)) and np.array_equal(got, frames)
    assert info == VideoInfo(num_frames=12, source_fps=10, fps=10, rate_is_known=kind == "file")


@KINDS
def test_shrinking_averages_instead_of_picking(tmp_path, kind):
    checkers = (np.indices((128, 128)).sum(0) % 2 * 255).astype(np.uint8)
    frames = np.broadcast_to(checkers[..., None], (2, 128, 128, 3)).copy()
    _, got, _ = read(store_as(kind, tmp_path, frames), wanted())
    assert np.abs(got.astype(float) - 127.5).max() <= 2


@KINDS
def test_center_crop_keeps_the_middle_and_none_keeps_all(tmp_path, kind):
    frames = np.zeros((1, 32, 96, 3), np.uint8)
    frames[:, :, :32], frames[:, :, 32:64], frames[:, :, 64:] = (255, 0, 0), (0, 255, 0), (0, 0, 255)
    path = store_as(kind, tmp_path, frames)
    middle = read(path, wanted())[1][0, :, 1:-1]
    assert np.abs(middle.astype(int) - (0, 255, 0)).max() <= 3
    whole = read(path, wanted(crop="none"))[1][0]
    for column, color in ((2, (255, 0, 0)), (8, (0, 255, 0)), (13, (0, 0, 255))):
        assert np.abs(whole[:, column].astype(int) - color).max() <= 3


@KINDS
def test_enlarging_works_too(tmp_path, kind):
    frames = np.full((2, 8, 8, 3), (10, 200, 90), np.uint8)
    assert np.abs(read(store_as(kind, tmp_path, frames), wanted())[1].astype(int) - (10, 200, 90)).max() <= 2


@KINDS
def test_grey_is_luma_and_exact_for_grey_material(tmp_path, kind):
    frames = np.repeat(noise(2, 16, 16)[..., :1], 3, axis=3)
    frames[1] = (255, 0, 0)
    _, got, _ = read(store_as(kind, tmp_path, frames), wanted(color="gray"))
    assert got.shape == (2, 16, 16, 1)
    assert np.array_equal(got[0], frames[0, ..., :1]) and np.all(got[1] == 76)


def test_grey_arrays_can_become_rgb(tmp_path):
    frames = noise(2, 16, 16)[..., 0]
    np.save(tmp_path / "a.npy", frames[None])
    assert np.array_equal(read(tmp_path / "a.npy", wanted())[1], np.repeat(frames[..., None], 3, axis=3))


@KINDS
@pytest.mark.parametrize(("fps", "indices"), [
    (5, [0, 2, 4, 6]), (20, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]), (4, [0, 2, 5, 7]), (10, list(range(8))),
])
def test_resampling_shows_the_latest_frame_at_each_moment(tmp_path, kind, fps, indices):
    frames = noise(8, 16, 16)
    got, pixels, info = read(store_as(kind, tmp_path, frames), wanted(fps=fps), threads=2)
    assert got == indices and np.array_equal(pixels, frames[indices])
    assert info.fps == fps and abs(info.num_frames - len(indices)) <= 1


def test_a_turned_phone_is_turned_back(tmp_path):
    frames = np.zeros((4, 32, 64, 3), np.uint8)
    frames[:, :, :32] = 255
    write_video(tmp_path / "a.mp4", frames, 10)
    data = bytearray((tmp_path / "a.mp4").read_bytes())
    # The track header's matrix (ISO 14496-12), 16.16 fixed point: turn the picture by 90 degrees clockwise.
    start = data.index(b"tkhd") + 4 + 40
    one, minus_one = (1 << 16).to_bytes(4, "big"), (-(1 << 16)).to_bytes(4, "big", signed=True)
    data[start : start + 20] = bytes(4) + one + bytes(4) + minus_one + bytes(4)
    (tmp_path / "a.mp4").write_bytes(data)
    shown = read(tmp_path / "a.mp4", wanted(height=32, width=16))[1][0, ..., 0]
    assert shown[:14].min() > 240 and shown[18:].max() < 15


@pytest.mark.parametrize("threads", [1, 2])
def test_decoding_is_never_far_ahead_of_the_reader(monkeypatch, threads):
    decoded = []

    def endless(video, num_threads):
        for number in count():
            decoded.append(number)
            yield None, np.zeros((16, 16, 3), np.uint8)

    monkeypatch.setattr(read_video, "_decode", endless)
    frames = read_frames(SourceVideo("a", "array", None), wanted(), VideoInfo(10, 10, 10), threads)
    assert len(list(islice(frames, 20))) == 20
    assert len(decoded) <= 20 + 2 * threads + 1


def test_a_frame_that_stands_for_lost_ones_is_never_in_two_threads(monkeypatch):
    pictures, shaped = [np.full((16, 16, 3), value, np.uint8) for value in range(4)], []
    decoded = [(None, pictures[number]) for number in (0, 0, 0, 1, 2, 2, 3)]

    def shape(frame, form, pixel_aspect):
        shaped.append(frame[0, 0, 0])
        return frame

    monkeypatch.setattr(read_video, "_decode", lambda video, num_threads: iter(decoded))
    monkeypatch.setattr(read_video, "shape_frame", shape)
    got = list(read_frames(SourceVideo("a", "array", None), wanted(), VideoInfo(7, 10, 10), num_threads=2))
    assert [(index, frame[0, 0, 0]) for index, frame in got] == list(enumerate([0, 0, 0, 1, 2, 2, 3]))
    assert sorted(shaped) == [0, 1, 2, 3]


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_rubbish_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"this is no video" * 100)
    with open_source(tmp_path, None) as source, pytest.raises(UnreadableVideo, match=f"'{name}' cannot be decoded"):
        probe(source.videos[0], wanted())


def test_a_broken_picture_is_named(tmp_path):
    path = store_as("pictures", tmp_path, noise(3, 16, 16))
    (path / "1.png").write_bytes((path / "1.png").read_bytes()[:60])
    with pytest.raises(UnreadableVideo, match="'a' cannot be decoded"):
        read(path, wanted())


def test_a_file_without_pictures_is_named(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(UnreadableVideo, match="it holds no pictures"):
        read(tmp_path / "a.mkv", wanted())
