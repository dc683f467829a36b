"""Video files whose headers, clocks or ends are not what they should be."""

import struct
from fractions import Fraction

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.errors import UserError
from pipeline.frames.container_end import missing_bytes
from pipeline.frames.damage import UnreadableVideo
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo, probe, read_frames
from pipeline.frames.sequences import NOTHING_KNOWN, Cut, cut_video
from pipeline.frames.source import SourceVideo, open_source
from pipeline.frames.survey import survey

CODECS = {
    ".mp4": "libx264", ".mov": "libx264", ".mkv": "libx264", ".avi": "mpeg4", ".webm": "libvpx", ".mpg": "mpeg2video",
    ".ts": "libx264", ".mts": "libx264", ".m2ts": "libx264", ".wmv": "wmv2", ".flv": "flv", ".3gp": "mpeg4",
    ".ogv": "libvpx", ".gif": "gif",
}
FORMATS = {".mts": "mpegts", ".m2ts": "mpegts", ".mpg": "vob", ".ogv": "ogg"}


def wanted(**changes) -> FrameFormat:
    values = {"height": 16, "width": 16, "crop": "none", "color": "gray", "fps": None, "fps_if_unknown": 10}
    return FrameFormat(**{**values, **changes})


def write(path, times, fps=30, options=None, codec=None) -> None:
    """Frames of 32x32 px that grow brighter, each at its time in ms."""
    codec = codec or CODECS[path.suffix]
    with av.open(str(path), "w", format=FORMATS.get(path.suffix), options=options or {}) as container:
        stream = container.add_stream(codec, fps)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb8" if codec == "gif" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, fps) if codec in ("mpeg2video", "mpeg4") else Fraction(1, 1000)
        for number, time in enumerate(times):
            pixels = np.full((32, 32, 3), 20 + 200 * number // len(times), np.uint8)
            pixels[: 8, number % 24 : number % 24 + 8] = 255
            frame = av.VideoFrame.from_ndarray(pixels).reformat(format=stream.pix_fmt)
            base = stream.codec_context.time_base
            frame.pts, frame.time_base = round(Fraction(time, 1000) / base), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def look(path, form: FrameFormat) -> tuple[VideoInfo, list[int]]:
    """What a look tells, and the indices of the frames that are then read."""
    video = SourceVideo(path.name, "file", path)
    info = probe(video, form)
    return info, [index for index, _ in read_frames(video, form, info)]


REGULAR = [round(1000 * number / 30) for number in range(60)]


@pytest.mark.parametrize("suffix", [*CODECS])
def test_every_container_is_read_with_all_its_frames_at_its_rate(tmp_path, suffix):
    fps = 25 if suffix in (".mpg", ".gif") else 30
    write(tmp_path / f"a{suffix}", [round(1000 * number / fps) for number in range(60)], fps)
    with open_source(tmp_path, None) as source:
        assert [video.video_id for video in source.videos] == [f"a{suffix}"]
    info, indices = look(tmp_path / f"a{suffix}", wanted())
    assert info.num_frames == 60 and indices == list(range(60)) and not info.missing_bytes
    assert info.source_fps == pytest.approx(fps, rel=0.005)
    for wish in (10, 50):
        info, indices = look(tmp_path / f"a{suffix}", wanted(fps=wish))
        assert info.num_frames == len(indices) and abs(len(indices) - 60 * wish / fps) <= 1 and not info.leaps


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm", ".flv"])
@pytest.mark.parametrize("fps", [10, 30])
def test_a_gap_in_the_clock_ends_the_sequence(tmp_path, suffix, fps):
    write(tmp_path / f"a{suffix}", [time + 1_000_000 * (number >= 35) for number, time in enumerate(REGULAR)])
    info, indices = look(tmp_path / f"a{suffix}", wanted(fps=fps))
    first = 12 if fps == 10 else 35
    assert len(indices) == info.num_frames == (21 if fps == 10 else 60)
    assert info.leaps == ((first, pytest.approx(1000, abs=0.1)),) and info.runs == [first, len(indices) - first]
    assert info.source_fps == pytest.approx(30, rel=0.02)
    cut = Cut(wanted(fps=fps), 8, 8)
    video = SourceVideo("a", "file", tmp_path / f"a{suffix}")
    starts = [sequence.first_frame for sequence in cut_video(0, video, info, NOTHING_KNOWN, cut)]
    assert starts == ([0, 12] if fps == 10 else [0, 8, 16, 24, 35, 43, 51]) and cut.num_sequences(info) == len(starts)


def test_a_gap_is_named(tmp_path, capsys):
    write(tmp_path / "a.mkv", [time + 1_000_000 * (number >= 35) for number, time in enumerate(REGULAR)])
    survey([SourceVideo("a.mkv", "file", tmp_path / "a.mkv")], Cut(wanted(fps=30), 8, 8), "stop")
    said = capsys.readouterr().err
    assert "gaps in time stamps: 1, such as in 'a.mkv' of 1000" in said and "before frame 35" in said
    with pytest.raises(UserError, match="'a.mkv' with 35 from gap to gap"):
        survey([SourceVideo("a.mkv", "file", tmp_path / "a.mkv")], Cut(wanted(fps=30), 40, 40), "stop")
    assert "gaps in time stamps: 1" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", [".mpg", ".ts"])
@pytest.mark.parametrize("fps", [5, 25])
def test_time_goes_on_where_a_clock_starts_again(tmp_path, suffix, fps, capsys):
    for name in "ab":
        write(tmp_path / f"{name}{suffix}", [40 * number for number in range(50)], 25)
    joined = (tmp_path / f"a{suffix}").read_bytes() + (tmp_path / f"b{suffix}").read_bytes()
    (tmp_path / f"c{suffix}").write_bytes(joined)
    info, indices = look(tmp_path / f"c{suffix}", wanted(fps=fps))
    assert abs(info.num_frames - 4 * fps) <= 1 and abs(len(indices) - 4 * fps) <= 1
    assert info.source_fps == pytest.approx(25, rel=0.02)
    assert len(info.runs) == 1 and len(info.leaps) == 1 and abs(info.leaps[0][0] - 2 * fps) <= 1
    survey([SourceVideo("c", "file", tmp_path / f"c{suffix}")], Cut(wanted(fps=fps), 8, 8), "stop")
    assert "clocks that start again: 1, such as in 'c' at frame" in capsys.readouterr().err


def test_frames_that_come_out_of_order_do_not_make_time_run(tmp_path, monkeypatch):
    """As some decoders give them where a header hides that frames were reordered."""
    ordered = [time / 1000 for time in REGULAR]
    confused = [ordered[number ^ 1] if number % 4 < 2 else ordered[number] for number in range(60)]
    frames = ((time, np.zeros((16, 16, 3), np.uint8)) for time in confused)
    monkeypatch.setattr("pipeline.frames.read_video._decode", lambda video, num_threads: frames)
    leaps: dict[int, float] = {}
    shown = read_frames(SourceVideo("a", "file", tmp_path), wanted(fps=30), VideoInfo(60, 30, 30), 1, leaps)
    assert abs(sum(1 for _ in shown) - 60) <= 1 and not leaps


def without_default_duration(path) -> None:
    """Replaces Matroska's element DefaultDuration (23E383) of the track by one that says nothing (EC, void)."""
    data = bytearray(path.read_bytes())
    place = data.index(bytes.fromhex("23e383"))
    length = 3 + 1 + (data[place + 3] & 0x7F)
    data[place : place + length] = bytes([0xEC, 0x80 | (length - 2)]) + bytes(length - 2)
    path.write_bytes(data)


@pytest.mark.parametrize("fps", [None, 20])
@pytest.mark.parametrize("suffix", [".webm", ".mkv"])
def test_a_variable_rate_without_a_default_is_that_of_the_clock(tmp_path, suffix, fps):
    times = [0]
    for number in range(30):
        times.append(times[-1] + (17 if number < 10 else 67))
    write(tmp_path / f"a{suffix}", times, 60)
    without_default_duration(tmp_path / f"a{suffix}")
    info, indices = look(tmp_path / f"a{suffix}", wanted(fps=fps))
    assert info.source_fps == pytest.approx(30 / (times[-1] / 1000), rel=0.02)
    assert info.num_frames == len(indices) == (31 if fps is None else pytest.approx(31, abs=2))


def test_a_fragmented_file_has_the_frames_of_all_fragments(tmp_path):
    write(tmp_path / "a.mp4", REGULAR, options={"movflags": "frag_keyframe+frag_every_frame"})
    info, indices = look(tmp_path / "a.mp4", wanted())
    assert info.num_frames == len(indices) == 60 and info.source_fps == pytest.approx(30, rel=0.02)


def test_a_recorder_that_was_killed_has_not_counted(tmp_path):
    write(tmp_path / "a.avi", REGULAR)
    data = bytearray((tmp_path / "a.avi").read_bytes())
    data = data[: data.rindex(b"idx1")]
    data[4:8] = bytes(4)
    for tag, offset in ((b"avih", 8 + 16), (b"strh", 8 + 32)):  # dwTotalFrames, dwLength
        place = data.index(tag) + offset
        data[place : place + 4] = struct.pack("<I", 5)
    (tmp_path / "a.avi").write_bytes(data)
    info, indices = look(tmp_path / "a.avi", wanted())
    assert info.num_frames == len(indices) == 60 and not info.missing_bytes


@pytest.mark.parametrize("suffix", [suffix for suffix in CODECS if suffix != ".mpg"])
def test_an_end_that_is_cut_off_is_named(tmp_path, suffix):
    options = {"movflags": "faststart"} if suffix in (".mp4", ".mov", ".3gp") else {}
    write(tmp_path / f"a{suffix}", REGULAR, options=options)
    data = (tmp_path / f"a{suffix}").read_bytes()
    assert missing_bytes(tmp_path / f"a{suffix}") == 0
    (tmp_path / f"a{suffix}").write_bytes(data[: round(0.75 * len(data)) // 188 * 188 + 10])
    video = SourceVideo("a", "file", tmp_path / f"a{suffix}")
    found = survey([video], Cut(wanted(), 8, 8), "skip")
    assert not missing_bytes(video.path) or "its end is cut off" in found.damaged["a"]
    frames = []
    with pytest.raises(UnreadableVideo):
        for _, frame in read_frames(video, wanted(), found.infos[0]):
            frames.append(frame)
    assert 10 <= len(frames) < 60 + (suffix == ".wmv")  # what came before is there; a packet of WMV ends in padding


@pytest.mark.parametrize("suffix", [suffix for suffix in CODECS if suffix not in (".ts", ".mts", ".m2ts")])
@pytest.mark.parametrize("junk", [b"\0\0\0", b"\n", b"\xff\xff\xff\xffgps0 and so on", bytes(5000)])
def test_what_careless_programs_append_is_no_missing_end(tmp_path, suffix, junk):
    write(tmp_path / f"a{suffix}", REGULAR[:6])
    with (tmp_path / f"a{suffix}").open("ab") as file:
        file.write(junk)
    assert missing_bytes(tmp_path / f"a{suffix}") == 0


def test_an_avi_that_says_too_great_a_length_but_has_all_frames_is_whole(tmp_path):
    write(tmp_path / "a.avi", REGULAR[:6])
    data = bytearray((tmp_path / "a.avi").read_bytes())
    data[4:8] = struct.pack("<I", len(data) + 100)
    (tmp_path / "a.avi").write_bytes(data)
    assert missing_bytes(tmp_path / "a.avi") == 0


def test_titles_in_any_encoding(tmp_path):
    with av.open(str(tmp_path / "b.mkv"), "w") as container:
        container.metadata["title"] = "Umlaute"
        stream = container.add_stream("ffv1", 10)
        stream.width = stream.height = 32
        stream.pix_fmt = "bgr0"
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode(None))
    data = (tmp_path / "b.mkv").read_bytes()
    assert b"Umlaute" in data
    (tmp_path / "b.mkv").write_bytes(data.replace(b"Umlaute", b"\xdcmlaut\xe9"))
    assert look(tmp_path / "b.mkv", wanted())[1] == [0, 1, 2]


@pytest.mark.parametrize("name", ["bmp", "tif", "tiff", "webp", "pgm", "ppm", "png", "jpg"])
def test_pictures_of_every_format_are_frames(tmp_path, name):
    for number in range(3):
        options = {"lossless": True} if name == "webp" else {}
        pixels = np.full((16, 16), 60 * number, np.uint8)
        (Image.fromarray(pixels) if name == "pgm" else Image.fromarray(np.stack([pixels] * 3, -1))).save(
            tmp_path / f"{number}.{name}", **options)
    with open_source(tmp_path, None) as source:
        info = probe(source.videos[0], wanted())
        frames = [frame for _, frame in read_frames(source.videos[0], wanted(), info)]
    assert [abs(int(frame.mean()) - 60 * number) <= 2 for number, frame in enumerate(frames)] == [True] * 3


@pytest.mark.parametrize("name", ["tif", "png", "pgm"])
def test_16_bits_a_sample_are_scaled(tmp_path, name):
    for number in range(3):
        Image.fromarray(np.full((16, 16), 257 * 100 * number, np.uint16)).save(tmp_path / f"{number}.{name}")
    with open_source(tmp_path, None) as source:
        info = probe(source.videos[0], wanted())
        assert [frame.mean() for _, frame in read_frames(source.videos[0], wanted(), info)] == [0, 100, 200]


@pytest.mark.parametrize("name", ["tif", "webp", "png"])
def test_several_pictures_in_one_file_are_refused(tmp_path, name):
    pictures = [Image.new("RGB", (16, 16), (90 * number, 0, 0)) for number in range(3)]
    pictures[0].save(tmp_path / f"1.{name}", save_all=True, append_images=pictures[1:])
    video = SourceVideo("a", "pictures", tmp_path)
    with pytest.raises(UnreadableVideo, match=f"'1.{name}' holds 3 pictures"):
        list(read_frames(video, wanted(), VideoInfo(1, 10, 10)))


def test_floating_point_pictures_are_refused(tmp_path):
    Image.fromarray(np.zeros((16, 16), np.float32)).save(tmp_path / "1.tif")
    with pytest.raises(UnreadableVideo, match="floating point"):
        list(read_frames(SourceVideo("a", "pictures", tmp_path), wanted(), VideoInfo(1, 10, 10)))


@pytest.mark.parametrize(("rates", "ends"), [
    (("30000/1001", "30.0003", "29.5"), "taken as alike: 29.5 to 30.0003"), (("30", "30.01"), ""), (("30", "29"), None),
])
def test_rates_that_differ_by_rounding_are_alike(tmp_path, rates, ends, capsys, monkeypatch):
    infos = [VideoInfo(60, float(Fraction(rate)), float(Fraction(rate))) for rate in rates]
    monkeypatch.setattr("pipeline.frames.survey._look", lambda video, cut: (infos[int(video.video_id)], None, set()))
    videos = [SourceVideo(str(number), "file", tmp_path) for number in range(len(rates))]
    if ends is None:
        with pytest.raises(UserError, match="differ in frames per second"):
            survey(videos, Cut(wanted(), 8, 8), "stop")
    else:
        assert survey(videos, Cut(wanted(), 8, 8), "stop").fps == infos[0].fps
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("taken")]
        assert len(said) == bool(ends) and ends in "".join(said)
