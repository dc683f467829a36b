"""What can be wrong with a source of videos or with params.yaml: one line, exit code 2, nothing written."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from pipeline.frames.write_video import write_video
from tests.pipeline.conftest import content
from tests.pipeline.tiny_run import PARAMS, SIDE, run_stage, write_params

FRAMES = np.random.default_rng(0).integers(0, 256, (8, SIDE, SIDE, 3), dtype=np.uint8)


class Bomb:
    """Unpickled, it would leave a file."""

    def __reduce__(self):
        return os.mkdir, ("exploded",)


def movie(name: str = "a.mkv", num_frames: int = 8) -> None:
    Path("videos").mkdir(exist_ok=True)
    write_video(Path("videos") / name, FRAMES[:num_frames], 10, lossless=name.endswith(".mkv"))


def altered(name: str, alter: Callable[[bytes], bytes]) -> None:
    movie(name)
    file = Path("videos") / name
    file.write_bytes(alter(file.read_bytes()))


def sound() -> None:
    Path("videos").mkdir()
    with av.open("videos/a.mkv", "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def text(name: str, words: str) -> None:
    (Path("videos") / name).parent.mkdir(exist_ok=True, parents=True)
    (Path("videos") / name).write_text(words)


def array(values, **options) -> dict:
    np.save("a.npy", values, **options)
    return {"source": "a.npy"}


def raw_array(data: bytes, name: str = "a.npy") -> dict:
    Path(name).write_bytes(data)
    return {"source": name}


def huge_array() -> dict:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|u1", "fortran_order": False, "shape": (10**9, 10**6, 64, 64)}
    )
    return raw_array(header.getvalue())


def archive(*names: str) -> dict:
    with zipfile.ZipFile("a.npz", "w") as file:
        for name in names:
            file.writestr(name, b"no array")
    return {"source": "a.npz"}


def pictures(make: Callable[[Path], None]) -> None:
    for name in ("a", "b", "c"):
        Path(f"videos/{name}").mkdir(parents=True)
        for t in range(6):
            Image.fromarray(FRAMES[t]).save(f"videos/{name}/{t}.png")
    make(Path("videos/a/3.png"))


def png_header(width: int, height: int) -> bytes:
    """A PNG that says it has so many pixels and holds none."""
    import struct
    import zlib
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def loop() -> None:
    Path("videos").mkdir()
    Path("videos/again").symlink_to("../videos")
    Path("videos/self.mp4").symlink_to("self.mp4")


def pipe() -> None:
    Path("videos").mkdir()
    os.mkfifo("videos/a.mp4")


def locked() -> None:
    movie()
    Path("videos/a.mkv").chmod(0)


KINDS: dict[str, tuple[Callable[[], dict | None], str]] = {
    "no such folder": (lambda: None, "videos: does not exist"),
    "an empty folder": (lambda: Path("videos").mkdir(), "found none"),
    "a file cut in half": (lambda: altered("a.mp4", lambda data: data[: len(data) // 2]), "'a.mp4' cannot be decoded"),
    "an empty file": (lambda: text("a.mp4", ""), "'a.mp4' cannot be decoded"),
    "sound without pictures": (sound, "'a.mkv' cannot be decoded (it holds no pictures)"),
    "text that calls itself a video": (lambda: text("a.mp4", "no video" * 99), "'a.mp4' cannot be decoded"),
    "a playlist that points into the network": (
        lambda: text("a.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        "'a.mp4' cannot be decoded"),
    "a list of other files": (
        lambda: text("a.avi", "ffconcat version 1.0\nfile /etc/passwd\n"), "'a.avi' cannot be decoded"),
    "one frame": (lambda: movie(num_frames=1), "shorter than preprocess.sequence_length = 6 frames"),
    "only one short video": (lambda: movie(), "at least one part of the source each for train, val, test"),
    "a wrong extension": (lambda: text("a.docx", "text"), "found none"),
    "a broken picture": (lambda: pictures(lambda file: file.write_bytes(b"rubbish")), "'a' cannot be decoded"),
    "half a picture": (
        lambda: pictures(lambda file: file.write_bytes(file.read_bytes()[:900])), "'a' cannot be decoded"),
    "a picture of ten milliard pixels": (
        lambda: pictures(lambda file: Path("videos/a/0.png").write_bytes(png_header(100_000, 100_000))),
        "'a' cannot be decoded"),
    "links in a circle": (loop, "found none"),
    "a source that is a link to itself": (lambda: Path("videos").symlink_to("videos"), "videos: does not exist"),
    "a pipe": (pipe, "found none"),
    "a very long name": (lambda: {"source": "v" * 5000}, "name too long"),
    "a line break in a name": (lambda: movie("a\nb.mkv"), r"cannot be printed, 'a\nb.mkv'"),
    "a name that is no UTF-8": (lambda: movie(os.fsdecode(b"a\xff.mkv")), "cannot be printed"),
    "frames as floats": (lambda: array(np.zeros((4, 12, 8, 8), np.float32)), "got float32 [4, 12, 8, 8]"),
    "frames that are not numbers": (lambda: array(np.full((4, 12, 8, 8), np.nan)), "got float64"),
    "negative frames": (lambda: array(np.full((4, 12, 8, 8), -1)), "got int64"),
    "too few axes": (lambda: array(np.zeros((12, 8, 8), np.uint8)), "got uint8 [12, 8, 8]"),
    "four channels": (lambda: array(np.zeros((4, 12, 8, 8, 4), np.uint8)), "got uint8 [4, 12, 8, 8, 4]"),
    "no videos": (lambda: array(np.zeros((0, 12, 8, 8), np.uint8)), "found none"),
    "pickled objects": (lambda: array(np.array([Bomb()], object), allow_pickle=True), "cannot be read"),
    "a pickle that calls itself an array": (lambda: raw_array(pickle.dumps(Bomb())), "cannot be read"),
    "an array cut short": (lambda: raw_array(b"\x93NUMPY\x01\x00v"), "cannot be read"),
    "an array of more bytes than there are in the world": (huge_array, "cannot be read"),
    "axes that are not named": (lambda: {**array(FRAMES[None]), "array_layout": None}, "set preprocess.array_layout"),
    "two arrays": (lambda: archive("a.npy", "b.npy"), "found a (no array), b (no array)"),
    "an archive that climbs out of its folder": (lambda: archive("../../climbed.npy"), "cannot be read"),
    "an archive with a folder's name": (lambda: archive(".."), "cannot be read"),
    "no archive": (lambda: raw_array(b"PK no", "a.npz"), "cannot be read"),
}


@pytest.fixture
def refused(tmp_path, monkeypatch):
    """Checks that preprocess, run in an empty folder, refuses in one line and writes nothing, but what it decoded where
    one video is damaged and others may not be."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))

    def refused(complaint: str, kept: bool = False) -> None:
        before = content(tmp_path)
        result = run_stage("preprocess")
        assert result.exit_code == 2, result.output[-2000:] + repr(result.exception)
        lines = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1 and result.stderr.splitlines()[-1] == lines[0] and len(lines[0]) < 1000
        assert complaint.lower() in lines[0].lower(), lines[0]
        after = {name: what for name, what in content(tmp_path).items() if not (kept and name.startswith("resume/"))}
        assert after == before and not Path("exploded").exists() and not Path("data").exists()

    return refused


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_source(refused, kind):
    make, complaint = KINDS[kind]
    changes = make() or {}
    write_params(Path("params.yaml"), {"preprocess": {"source": "videos", **changes}})
    refused(complaint, kept="picture" in kind)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_video_that_may_not_be_read(refused):
    locked()
    write_params(Path("params.yaml"), {"preprocess": {"source": "videos"}})
    refused("permission denied")


def test_a_video_that_is_damaged_in_the_middle(refused):
    for name in "bcd":
        movie(f"{name}.mkv")
    altered("a.mp4", lambda data: data[: len(data) // 2] + b"\xff" * 400 + data[len(data) // 2 + 400 :])
    write_params(Path("params.yaml"), {"preprocess": {"source": "videos"}})
    refused("'a.mp4' cannot be decoded", kept=True)


YAMLS = {
    "missing": (None, "cannot be read"),
    "empty": (b"", "section 'preprocess' is missing"),
    "a list": (b"- preprocess\n", "section 'preprocess' is missing"),
    "without the section": (b"encode: {batch_size: 2}\n", "section 'preprocess' is missing"),
    "a section of nothing": (b"preprocess:\n", "preprocess"),
    "two sections of one name": (b"preprocess: {}\npreprocess: {}\n", "duplicate key"),
    "two keys of one name": (b"preprocess: {seed: 1, seed: 2}\n", "duplicate key"),
    "not closed": (b"preprocess: [\n", "not valid YAML"),
    "tabs": (b"preprocess:\n\tseed: 1\n", "not valid YAML"),
    "bytes": (bytes(range(256)), "not valid YAML"),
    "an object of Python": (b"preprocess: !!python/object/apply:os.mkdir [exploded]\n", "not valid YAML"),
    "a thousand brackets": (b"preprocess: " + b"[" * 1100, "not valid YAML"),
    "ten milliard laughs": (
        b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
            b"%c: &%c [%s]\n" % (ord("a") + n, ord("a") + n, b",".join([b"*%c" % (ord("a") + n - 1)] * 10))
            for n in range(1, 10)) + b"preprocess: {seed: *j}\n", "preprocess"),
    "two megabytes": (b"# padding\n" * 200_000, "holds more than"),
}


@pytest.mark.parametrize("kind", YAMLS)
def test_a_bad_params_file(refused, kind):
    data, complaint = YAMLS[kind]
    if data is not None:
        Path("params.yaml").write_bytes(data)
    refused(complaint)


def test_a_params_file_that_is_a_pipe(refused):
    os.mkfifo("params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.pipeline.test_bad_videos.content", lambda path: {})  # it would wait at the pipe
        refused("not a file")


VALUES = {
    "seed": ("many", "seed"), "height": (0, "height"), "width": (10**9, "width"),
    "sequence_length": (1, "sequence_length"), "sequence_stride": (0, "sequence_stride"),
    "val_fraction": (float("nan"), "val_fraction"), "fps": (float("inf"), "fps"),
    "test_fraction": (0.9, "leave nothing"), "crop": ("middle", "crop"), "on_damage": ("hide", "on_damage"),
    "group": ("clip_", "has no group"),
}


@pytest.mark.parametrize("key", VALUES)
def test_a_bad_value(refused, key):
    value, complaint = VALUES[key]
    np.save("videos.npy", np.zeros((5, 12, 8, 8), np.uint8))
    write_params(Path("params.yaml"), {"preprocess": {key: value}})
    refused(complaint)


def test_there_are_many_kinds():
    assert len(KINDS) + len(YAMLS) + len(VALUES) >= 55 and set(VALUES) <= set(PARAMS["preprocess"])
