"""What preprocess does with videos that are damaged: stop, skip or keep."""

import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.frames import video_file
from pipeline.frames.frame_store import open_frames
from tests.frames.damaged_videos import damage, texture, write
from tests.pipeline.conftest import content
from tests.pipeline.tiny_run import run_stage, write_params

NUM_FRAMES, LENGTH = 40, 8
FINE, DAMAGED = ("a.mp4", "b.mp4", "d.mp4", "f.mp4"), ("c.mp4", "e.mp4")


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Six videos of 40 frames, two of them damaged in frame 13."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))
    Path("videos").mkdir()
    for name in (*FINE, *DAMAGED):
        write(Path("videos") / name, np.roll(texture(NUM_FRAMES), ord(name[0]), 1))
    for name in DAMAGED:
        damage(Path("videos") / name, 13)
    return tmp_path


@pytest.fixture
def decoded(monkeypatch) -> Counter:
    """How many frames of each file the strict decoder gives; the look at a file takes one."""
    counts: Counter = Counter()
    frames = video_file.frames

    def counted(path, num_threads):
        for frame in frames(path, num_threads):
            counts[path.name] += 1
            yield frame

    monkeypatch.setattr(video_file, "frames", counted)
    return counts


def preprocess(on_damage: str, **changes):
    values = {"source": "videos", "height": 48, "width": 64, "sequence_length": LENGTH, "on_damage": on_damage}
    write_params(Path("params.yaml"), {"preprocess": {**values, **changes}})
    return run_stage("preprocess")


def starts() -> dict[str, list[int]]:
    """The first frames of all sequences stored, by video."""
    found: dict[str, list[int]] = {}
    for store in (open_frames(Path("data/frames.zarr")), open_frames(Path("data/test_frames.zarr"))):
        for name, start in zip(store.video_id.tolist(), store.first_frame.tolist(), strict=True):
            found.setdefault(name, []).append(start)
    return {name: sorted(numbers) for name, numbers in found.items()}


def refusal(result) -> str:
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert result.exit_code == 2 and len(errors) == 1, result.output + repr(result.exception)
    return errors[0]


ALL = list(range(0, NUM_FRAMES, LENGTH))


def test_all_damaged_videos_are_named_at_once_and_so_is_the_key(folder):
    Path("videos/rubbish.mp4").write_bytes(b"no video" * 99)
    result = preprocess("stop")
    error = refusal(result)
    assert all(f"'{name}'" in error for name in (*DAMAGED, "rubbish.mp4")) and "3 videos" in error
    assert "preprocess.on_damage" in error and "keep" in error and "skip" in error and not Path("data").exists()
    for name in (*DAMAGED, "rubbish.mp4"):
        assert f"damaged: video '{name}' cannot be decoded (" in result.stderr


@pytest.mark.parametrize(("on_damage", "rest"), [("skip", [0]), ("keep", ALL)])
@pytest.mark.parametrize("shard", [1, 1 << 25])
def test_changing_that_key_decodes_nothing_again_that_was_fine(folder, decoded, monkeypatch, on_damage, rest, shard):
    monkeypatch.setattr("pipeline.frames.frame_store_writer._SHARD_BYTES", shard)
    refusal(preprocess("stop"))
    assert all(decoded[name] == NUM_FRAMES + 1 for name in FINE)
    decoded.clear()
    result = preprocess(on_damage)
    assert result.exit_code == 0, result.output
    assert starts() == {**dict.fromkeys(FINE, ALL), **dict.fromkeys(DAMAGED, rest)}
    assert all(decoded[name] == 1 for name in FINE), decoded
    resumed = content(Path("data/frames.zarr")), content(Path("data/test_frames.zarr"))
    shutil.rmtree("data")
    assert list((folder / "resume" / "preprocess").iterdir()) == []
    assert preprocess(on_damage).exit_code == 0
    assert (content(Path("data/frames.zarr")), content(Path("data/test_frames.zarr"))) == resumed


def test_what_is_kept_is_counted_and_named(folder):
    result = preprocess("keep")
    for name in DAMAGED:
        lines = [line for line in result.stderr.splitlines() if f"'{name}'" in line]
        assert len(lines) == 1 and lines[0].startswith(f"kept: video '{name}' is damaged from frame 13 on (")
        assert lines[0].endswith("1 of 40 frames concealed")
    preprocess("skip")
    assert result.exit_code == 0 and "skipped: video 'c.mp4' cannot be decoded (" in preprocess("skip").stderr


def test_damage_in_the_first_frame(folder, decoded):
    """Nothing comes before it: what is skipped is the whole video."""
    for name in DAMAGED:
        write(Path("videos") / name, texture(NUM_FRAMES))
        damage(Path("videos") / name, 0, first=0, count=60)
    assert all(f"'{name}'" in refusal(preprocess("stop")) for name in DAMAGED)
    decoded.clear()
    assert preprocess("skip").exit_code == 0 and starts() == dict.fromkeys(FINE, ALL)
    assert all(decoded[name] <= NUM_FRAMES + 1 for name in FINE)
    assert preprocess("keep").exit_code == 0 and starts() == dict.fromkeys((*FINE, *DAMAGED), ALL)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_few_videos_are_split_without_those_that_are_skipped_as_a_whole(folder, count):
    for name in FINE[count:] + DAMAGED:
        (Path("videos") / name).unlink()
    for name in DAMAGED:
        write(Path("videos") / name, texture(NUM_FRAMES))
        damage(Path("videos") / name, 0, first=0, count=60)
    result = preprocess("skip")
    assert result.exit_code == 0, result.output
    assert set(starts()) == set(FINE[:count])


def test_a_split_that_only_a_damaged_video_has_may_be_kept_afterwards(folder):
    for name in (*FINE, *DAMAGED):
        (Path("videos") / name).unlink()
    write(Path("videos") / "a.mp4", texture(NUM_FRAMES))
    damage(Path("videos") / "a.mp4", 13)
    assert "no sequence was left for test, val; add videos, or set preprocess.on_damage to keep" in refusal(
        preprocess("skip"))
    assert preprocess("keep").exit_code == 0 and starts() == {"a.mp4": ALL}


def test_an_interrupted_run_that_keeps_goes_on(folder, monkeypatch):
    monkeypatch.setattr("pipeline.frames.frame_store_writer._SHARD_BYTES", 1)
    assert preprocess("keep").exit_code == 0
    undisturbed = content(Path("data/frames.zarr")), content(Path("data/test_frames.zarr"))
    shutil.rmtree("data")
    from pipeline.frames.frame_store_writer import FrameStoreWriter
    append, allowed = FrameStoreWriter.append, [25]

    def breaks_off(writer, *arguments, **labels):
        allowed[0] -= 1
        if allowed[0] < 0:
            raise KeyboardInterrupt
        append(writer, *arguments, **labels)

    with monkeypatch.context() as patch:
        patch.setattr(FrameStoreWriter, "append", breaks_off)
        assert isinstance(preprocess("keep").exception, (KeyboardInterrupt, SystemExit))
    result = preprocess("keep")
    assert result.exit_code == 0 and all(f"kept: video '{name}'" in result.stderr for name in DAMAGED)
    assert (content(Path("data/frames.zarr")), content(Path("data/test_frames.zarr"))) == undisturbed
    assert preprocess("stop").exit_code == 2


def test_an_end_that_is_cut_off(folder):
    for name in DAMAGED:
        (Path("videos") / name).unlink()
    write(Path("videos/cut.mkv"), texture(NUM_FRAMES))
    data = Path("videos/cut.mkv").read_bytes()
    Path("videos/cut.mkv").write_bytes(data[: len(data) * 7 // 10])
    assert "'cut.mkv' cannot be decoded (its end is cut off" in refusal(preprocess("stop"))
    for on_damage, word in (("skip", "skipped"), ("keep", "kept")):
        result = preprocess(on_damage)
        lines = [line for line in result.stderr.splitlines() if "'cut.mkv'" in line]
        assert len(lines) == 1 and lines[0].startswith(word) and "its end is cut off" in lines[0]
        assert starts()["cut.mkv"][0] == 0 and 2 <= len(starts()["cut.mkv"]) < len(ALL)


def test_pictures_that_are_broken_are_the_ones_before(folder):
    shutil.rmtree("videos")
    frames = texture(2 * LENGTH)
    for name in "abc":
        (Path("videos") / name).mkdir(parents=True)
        for t, frame in enumerate(frames):
            Image.fromarray(frame).save(Path("videos") / name / f"{t}.png")
    Path("videos/b/11.png").write_bytes(b"rubbish")
    assert "'b' cannot be decoded" in refusal(preprocess("stop"))
    result = preprocess("keep")
    assert "kept: video 'b' is damaged from frame 11 on" in result.stderr and starts() == dict.fromkeys("abc", [0, 8])
    for store in (open_frames(Path("data/frames.zarr")), open_frames(Path("data/test_frames.zarr"))):
        for row in np.flatnonzero((store.video_id == "b") & (store.first_frame == LENGTH)):
            wanted = frames[LENGTH:].copy()
            wanted[3] = frames[10]
            assert np.array_equal(store.read([row])[0], wanted)


@pytest.mark.parametrize(("value", "instead"), [(True, "skip"), (False, "stop")])
def test_the_old_key_is_answered_with_the_new_one(folder, value, instead):
    preprocess("stop")
    text = Path("params.yaml").read_text().replace("on_damage: stop", f"skip_unreadable: {str(value).lower()}")
    Path("params.yaml").write_text(text)
    assert refusal(run_stage("preprocess")).endswith(
        f"skip_unreadable is on_damage now (stop, skip or keep); write on_damage: {instead}")


PLAYABLE = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "odd" / "damaged_but_playable.mp4"


@pytest.mark.skipif(not PLAYABLE.exists(), reason="the damaged video is not here")
def test_a_real_video_that_players_show(folder):
    assert f"'{PLAYABLE.name}' cannot be decoded" in refusal(preprocess("stop", source=str(PLAYABLE)))
    result = preprocess("keep", source=str(PLAYABLE))
    assert result.exit_code == 0 and f"kept: video '{PLAYABLE.name}' is damaged" in result.stderr
    assert "of 455 frames concealed" in result.stderr and starts() == {PLAYABLE.name: list(range(0, 448, LENGTH))}
