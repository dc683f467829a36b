import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image
from ruamel.yaml import YAML

from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.write_video import write_video
from stages.preprocess import main
from tests.frames.test_digit_source import write_idx
from tests.frames.test_hdf5_source import write_videogpt
from tests.frames.test_tfrecord_source import example, movi, record
from tests.pipeline.conftest import content

LENGTH = 8


def noise(seed: int, frames: int = LENGTH, height: int = 16, width: int = 16) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the stage with these parameters changed; returns its two stores."""

    monkeypatch.setenv("LAYERCAST_RESUME_DIR", str(tmp_path / "resume"))

    def run(source=tmp_path / "videos", **changes):
        section = {
            "source": str(source), "array_layout": None, "split": "random", "tfrecord_feature": "{}/encoded",
            "digits": {"num_videos": 3, "num_frames": LENGTH, "num_digits": 2, "frame_px": 64, "seed": 0},
            "height": 16, "width": 16, "crop": "center", "color": "rgb",
            "fps": None, "fps_if_unknown": 10, "sequence_length": LENGTH, "sequence_stride": None, "val_fraction": 0.2,
            "test_fraction": 0.2, "seed": 0, "on_damage": "stop", **changes,
        }
        YAML().dump({"preprocess": section}, tmp_path / "params.yaml")
        main(tmp_path / "params.yaml", tmp_path / "out" / "frames.zarr", tmp_path / "out" / "test_frames.zarr",
             tmp_path / "cost.json")
        return open_frames(tmp_path / "out" / "frames.zarr"), open_frames(tmp_path / "out" / "test_frames.zarr")

    return run


@pytest.fixture
def videos(tmp_path):
    """Six lossless videos of one to three sequences, some in subfolders; returns their frames by name."""
    names = ["0.mkv", "nested/1.mkv", "2.mkv", "nested/3.mkv", "4.mkv", "nested/5.mkv"]
    frames = {name: noise(seed, LENGTH * (1 + seed % 3) + 3) for seed, name in enumerate(names)}
    (tmp_path / "videos" / "nested").mkdir(parents=True)
    for name, pixels in frames.items():
        write_video(tmp_path / "videos" / name, pixels, 10, lossless=True)
    return frames


def write_hdf5(folder) -> None:
    videos = [noise(seed) for seed in range(6)]
    write_videogpt(folder / "a.hdf5", train=videos[:3], test=videos[3:])


def write_tfrecords(folder) -> None:
    for number, name in enumerate(("train", "test")):
        videos = (noise(3 * number + seed) for seed in range(3))
        features = ({f"{t}/encoded": frame.tobytes() for t, frame in enumerate(video)} for video in videos)
        records = [record(example(feature)) for feature in features]
        (folder / f"{name}.tfrecords").write_bytes(b"".join(records))


def write_digits(folder) -> None:
    for seed, name in enumerate(("train", "t10k")):
        write_idx(folder / f"{name}-images-idx3-ubyte.gz", noise(seed, 5, 28, 28)[..., 0])


@pytest.fixture
def refuses(run, capsys, tmp_path):
    """Checks that the stage, run so, ends with exit code 2 and one line with `complaint`, earlier outputs untouched."""

    def refuses(complaint: str, **changes):
        out = tmp_path / "out"
        before = {file: file.read_bytes() for file in out.rglob("*") if file.is_file() and ".partial" not in str(file)}
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            run(**changes)
        assert stop.value.code == 2
        errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1 and complaint in errors[0]
        assert before == {file: file.read_bytes() for file in before}

    return refuses


def test_every_sequence_of_every_video_is_stored_once_under_its_name(run, videos):
    stores = run()
    found = {}
    for store in stores:
        for row in range(len(store)):
            found[store.video_id[row], int(store.first_frame[row])] = store.read(np.array([row]))[0]
    wanted = {
        (name, start): frames[start : start + LENGTH]
        for name, frames in videos.items() for start in range(0, len(frames) - LENGTH + 1, LENGTH)
    }
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[key], wanted[key]) for key in wanted)
    splits = [set(store.video_id[store.rows(name)]) for store, name in ((stores[0], "train"), (stores[0], "val"))]
    splits.append(set(stores[1].video_id))
    assert all(splits) and sum(map(len, splits)) == len(set.union(*splits)) == 6
    assert set(stores[0].split) == {"train", "val"} and set(stores[1].split) == {"test"}
    assert stores[0].made_from == stores[1].made_from and stores[0].fps == 10


def test_it_says_how_many_sequences_learn_validate_and_test(run, videos, capsys):
    rest, test = run()
    said, counts = capsys.readouterr(), [len(rest.rows("train")), len(rest.rows("val")), len(test.rows("test"))]
    assert "{} to train with, {} to validate with, {} to test with".format(*counts) in said.out and sum(counts) == 12
    assert f"warning: preprocess: only {counts[0]} sequences to train with" in said.err
    assert "preprocess.val_fraction" in said.err and "preprocess.test_fraction" in said.err


def test_a_second_run_gives_the_same_bytes(run, videos, tmp_path):
    run()
    first = content(tmp_path / "out")
    run()
    assert content(tmp_path / "out") == first


def test_a_broken_off_run_goes_on_after_its_last_whole_shards(run, videos, tmp_path, monkeypatch):
    """Broken off twice, the second time with a shard altered on the disk meanwhile."""
    for name, frames in videos.items():
        facts = {name: np.ones((len(frames), 1, 2)) for name in ("position", "velocity")}
        np.savez(
            (tmp_path / "videos" / name).with_suffix(".truth.npz"), **facts, size=np.ones(1), color=np.ones((1, 3)),
            shape=np.ones(1), segmentation=frames[..., 0] // 128, background=frames,
        )
    monkeypatch.setattr("pipeline.frames.frame_store_writer._SHARD_BYTES", 2 * LENGTH * 16 * 16 * 3)
    run()
    undisturbed, num_taken, append = content(tmp_path / "out"), [], FrameStoreWriter.append

    def breaks_off(writer, *arguments, **labels):
        num_taken.append(1)
        if len(num_taken) > allowed:
            raise KeyboardInterrupt
        append(writer, *arguments, **labels)

    monkeypatch.setattr(FrameStoreWriter, "append", breaks_off)
    kept = []
    for allowed in (8, 10):
        shutil.rmtree(tmp_path / "out")
        num_taken.clear()
        with pytest.raises(KeyboardInterrupt):
            run()
        for shard in list((tmp_path / "resume").rglob("frames/c/0/0/0/0/0"))[: allowed == 10]:
            shard.write_bytes(shard.read_bytes()[::-1])
        num_taken.clear()
        allowed = 100
        run()
        kept.append(12 - len(num_taken))
        assert content(tmp_path / "out") == undisturbed
        assert list((tmp_path / "resume" / "preprocess").iterdir()) == []
    assert kept[0] >= 6 > kept[1], kept


def test_a_single_video_is_split_by_time(run, tmp_path):
    frames = noise(0, 103)
    write_video(tmp_path / "long.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "long.mkv", sequence_stride=10)
    assert test.first_frame.tolist() == [80, 90]
    assert rest.first_frame[rest.rows("val")].tolist() == [60, 70]
    assert rest.first_frame[rest.rows("train")].tolist() == [0, 10, 20, 30, 40, 50]
    assert np.array_equal(test.read(slice(None)), np.stack([frames[80:88], frames[90:98]]))


def test_overlapping_sequences_of_a_single_video_share_no_frame_across_splits(run, tmp_path):
    frames = noise(0, 103)
    write_video(tmp_path / "long.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "long.mkv", sequence_stride=3)
    taken = {name: set() for name in ("train", "val", "test")}
    for store in (rest, test):
        for row, (start, split) in enumerate(zip(store.first_frame.tolist(), store.split.tolist(), strict=True)):
            assert np.array_equal(store.read([row])[0], frames[start : start + LENGTH]) and start % 3 == 0
            taken[split] |= {*range(start, start + LENGTH)}
    assert not taken["train"] & taken["val"] and not (taken["train"] | taken["val"]) & taken["test"]
    assert len(rest) + len(test) == (103 - LENGTH) // 3 + 1 - 2 * 2  # two lie across each border


def test_overlapping_sequences_are_more_of_them(run, tmp_path):
    """Twenty clips of 43 frames: two sequences of 20 frames each, or 24."""
    np.save(tmp_path / "a.npy", np.stack([noise(number, 43) for number in range(20)]))
    for stride, count in ((None, 2), (1, 24)):
        rest, test = run(tmp_path / "a.npy", array_layout="video_time", sequence_length=20, sequence_stride=stride)
        assert len(rest.rows("train")) == 12 * count and len(rest.rows("val")) == len(test) == 4 * count
        sides = [set(rest.video_id[rest.rows(name)]) for name in ("train", "val")] + [set(test.video_id)]
        assert sum(map(len, sides)) == len(set.union(*sides)) == 20


def test_where_frames_are_repeated_none_is_on_both_sides(run, tmp_path):
    frames = noise(0, 60)
    write_video(tmp_path / "slow.mkv", frames, 10, lossless=True)
    rest, test = run(tmp_path / "slow.mkv", fps=30, sequence_length=LENGTH)
    shown = {
        name: {frame.tobytes() for row in store.rows(name) for frame in store.read([row])[0]}
        for store, names in ((rest, ("train", "val")), (test, ("test",))) for name in names
    }
    assert not shown["train"] & shown["val"] and not (shown["train"] | shown["val"]) & shown["test"]


def test_of_two_videos_a_short_one_is_named_and_left_out(run, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "long.mkv", noise(0, 80), 10, lossless=True)
    for count, complaint in ((LENGTH - 1, "shorter than"), (2 * LENGTH, "'short.mkv' with 2")):
        write_video(tmp_path / "videos" / "short.mkv", noise(1, count), 10, lossless=True)
        rest, test = run()
        said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("left out: ")]
        assert len(said) == 1 and complaint in said[0] and "'short.mkv'" in said[0]
        assert {*rest.video_id, *test.video_id} == {"long.mkv"} and len(rest) + len(test) == 10


def test_clips_of_one_recording_stay_on_one_side(run, refuses, tmp_path):
    (tmp_path / "videos").mkdir()
    for number, name in enumerate(f"{person}_{clip}.mkv" for person in ("ann", "bob", "cy") for clip in range(3)):
        write_video(tmp_path / "videos" / name, noise(number), 10, lossless=True)
    for seed in range(3):
        rest, test = run(group="^([a-z]+)_", seed=seed)
        sides = [rest.video_id[rest.rows("train")], rest.video_id[rest.rows("val")], test.video_id]
        clips = [[f"{person}_{clip}.mkv" for clip in range(3)] for person in ("ann", "bob", "cy")]
        assert sorted(map(sorted, sides)) == clips
    refuses("wanted at least three groups of videos, one each for train, val, test, preprocess.group finds 1",
            group=r"(\.mkv)")
    refuses("preprocess.group: (nested is no regular expression", group="(nested")
    refuses("preprocess.group: nested has no group", group="nested")


def test_the_home_directory_may_be_written_short(run, refuses, videos, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    rest, test = run("~/videos")
    assert len(rest) + len(test) == 12
    refuses("the home directory in ~nobody-of-that-name/videos cannot be found", source="~nobody-of-that-name/videos")


@pytest.mark.parametrize("layout", ["video_time", "time_video"])
def test_an_array_goes_through_in_both_orders(run, tmp_path, layout):
    frames = noise(0, 5 * LENGTH).reshape(5, LENGTH, 16, 16, 3)[..., 0]
    np.savez_compressed(tmp_path / "a.npz", frames if layout == "video_time" else frames.swapaxes(0, 1))
    rest, test = run(tmp_path / "a.npz", array_layout=layout, color="gray")
    assert len(rest) == 4 and len(test) == 1 and test.num_channels == 1
    number = int(test.video_id[0].split("/")[1])
    assert np.array_equal(test.read(slice(None))[0, ..., 0], frames[number])


def test_truth_is_taken_along(run, tmp_path):
    (tmp_path / "videos").mkdir()
    for seed in range(4):
        count = seed % 3
        write_video(tmp_path / "videos" / f"{seed}.mkv", noise(seed), 10, lossless=True)
        np.savez(
            tmp_path / "videos" / f"{seed}.truth.npz",
            segmentation=np.full((LENGTH, 16, 16), count, np.uint8), background=noise(seed + 10),
            position=np.full((LENGTH, count, 2), seed), velocity=np.zeros((LENGTH, count, 2)), size=np.full(count, 5),
            color=np.zeros((count, 3)), shape=np.full(count, seed),
        )
    for store in run():
        for row, name in enumerate(store.video_id):
            seed = int(name[0])
            assert store.read_truth("present", np.array([row]))[0].sum() == seed % 3
            assert np.array_equal(store.read_truth("background", np.array([row]))[0], noise(seed + 10))
            assert np.all(store.read_truth("segmentation", np.array([row])) == seed % 3)


def test_segmentation_alone_is_taken_along(run, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for seed in range(4):
        write_video(tmp_path / "videos" / f"{seed}.mkv", noise(seed), 10, lossless=True)
        some = {"position": np.zeros((LENGTH, seed, 2))} if seed == 3 else {"action": np.zeros((LENGTH, 4))}
        segmentation = np.full((LENGTH, 16, 16), seed, np.uint8)
        np.savez(tmp_path / "videos" / f"{seed}.truth.npz", segmentation=segmentation, **some)
    for store in run():
        assert store.truth_names == ("segmentation", "present") and store.num_objects == 3
        for row, name in enumerate(store.video_id):
            assert np.all(store.read_truth("segmentation", np.array([row])) == int(name[0]))
            shown = [number + 1 == int(name[0]) for number in range(3)]
            assert store.read_truth("present", np.array([row]))[0].tolist() == (shown if name[0] != "3" else [True] * 3)
    assert "left out: ground truth that some videos lack, position" in capsys.readouterr().err


def test_unreadable_video_stops_the_stage_or_is_skipped_if_asked(run, refuses, videos, tmp_path, capsys):
    run()
    (tmp_path / "videos" / "broken.mp4").write_bytes(b"no video")
    refuses("'broken.mp4' cannot be decoded")
    rest, test = run(on_damage="skip")
    assert "skipped: video 'broken.mp4'" in capsys.readouterr().err
    assert set(rest.video_id) | set(test.video_id) == set(videos)


def test_video_that_breaks_midway_keeps_what_came_before(run, refuses, tmp_path, capsys):
    for name in "abcd":
        (tmp_path / "videos" / name).mkdir(parents=True)
        for t, frame in enumerate(noise(0, 2 * LENGTH)):
            Image.fromarray(frame).save(tmp_path / "videos" / name / f"{t}.png")
    (tmp_path / "videos" / "b" / "11.png").write_bytes(b"rubbish")
    refuses("'b' cannot be decoded")
    rest, test = run(on_damage="skip")
    assert "skipped: video 'b'" in capsys.readouterr().err
    names = [*rest.video_id, *test.video_id]
    assert sorted(names) == ["a", "a", "b", "c", "c", "d", "d"]


def test_bad_input_gives_one_line_and_leaves_earlier_outputs_alone(run, refuses, videos, tmp_path):
    run()
    (tmp_path / "empty").mkdir()
    refuses("found none", source=tmp_path / "empty")
    refuses("does not exist", source=tmp_path / "nowhere")
    np.save(tmp_path / "a.npy", np.zeros((4, 16, 16), np.uint8))
    refuses("wanted uint8 [video, time, height, width]", source=tmp_path / "a.npy", array_layout="video_time")
    refuses("shorter than preprocess.sequence_length = 50 frames", sequence_length=50)
    refuses("sequence_stride", sequence_stride=0)
    refuses("preprocess.heigth is not a parameter", heigth=16)
    refuses("leave nothing", val_fraction=0.5, test_fraction=0.5)
    write_video(tmp_path / "videos" / "fast.mkv", noise(0), 25, lossless=True)
    refuses("differ in frames per second", source=tmp_path / "videos")


def test_short_videos_are_left_out_with_a_word(run, videos, capsys):
    rest, test = run(sequence_length=LENGTH * 2)
    assert "left out: 2 videos are shorter" in capsys.readouterr().err
    assert {*rest.video_id, *test.video_id} == {name for name, frames in videos.items() if len(frames) >= 2 * LENGTH}


def test_partly_missing_truth_is_refused(refuses, videos, tmp_path):
    np.savez(tmp_path / "videos" / "0.truth.npz", size=np.zeros(1))
    refuses("5 of 6 videos lack ground truth")


STREET = Path(__file__).resolve().parents[3] / "shared" / "data" / "vtest.avi"


@pytest.mark.skipif(not STREET.exists(), reason="the street camera's video is not here")
def test_one_long_real_video_is_split_by_time(run):
    frames, test_frames = run(STREET, height=72, width=96, sequence_length=20)
    assert set(frames.split) == {"train", "val"} and set(test_frames.split) == {"test"}
    assert frames.read([0]).shape == (1, 20, 72, 96, 3) and frames.fps == 10
    starts = {split: frames.first_frame[frames.rows(split)] for split in ("train", "val")}
    assert starts["train"].max() + 20 <= starts["val"].min()
    assert starts["val"].max() + 20 <= test_frames.first_frame.min()
    assert len(frames) + len(test_frames) == 795 // 20


def write_arrays(folder) -> None:
    names = ("train/a.npy", "train/b.npy", "train/c.npz", "test/a.npy", "test/b.npz", "test/c.npz")
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(exist_ok=True)
        save = np.save if name.endswith("npy") else np.savez_compressed
        save(folder / name, noise(number).transpose(0, 3, 1, 2) if "a" in name else noise(number))


def write_named_arrays(folder) -> None:
    videos = np.stack([noise(seed) for seed in range(6)])
    np.savez(folder / "a.npz", train=videos[:3], test=videos[3:], labels=np.arange(6))


def write_plain_hdf5(folder) -> None:
    with h5py.File(folder / "a.h5", "w") as file:
        for number, name in enumerate(("train", "test")):
            file[f"{name}/images"] = np.stack([noise(3 * number + seed) for seed in range(3)])
            file[f"{name}/actions"] = np.zeros((3, LENGTH, 4))


def write_movi(folder) -> None:
    for number, name in enumerate(("train", "test")):
        data = b"".join(movi(noise(3 * number + seed)) for seed in range(3))
        (folder / f"movi_a-{name}.tfrecord-00000-of-00001").write_bytes(data)


@pytest.mark.parametrize(("write", "changes"), [
    (write_hdf5, {}), (write_tfrecords, {}), (write_digits, {}), (write_arrays, {}), (write_plain_hdf5, {}),
    (write_named_arrays, {"array_layout": "video_time"}), (write_movi, {"tfrecord_feature": "video"}),
])
def test_files_of_many_videos_keep_their_published_splits(run, tmp_path, write, changes):
    (tmp_path / "videos").mkdir()
    write(tmp_path / "videos")
    frames, test_frames = run(split="published", color="gray", height=64, width=64, **changes)
    by_split = {name: {str(frames.video_id[row]) for row in frames.rows(name)} for name in ("train", "val")}
    by_split["test"] = set(test_frames.video_id.tolist())
    assert {name: len(videos) for name, videos in by_split.items()} == {"train": 2, "val": 1, "test": 3}
    assert all("train" in name for name in by_split["train"] | by_split["val"])
    assert all("test" in name or "t10k" in name for name in by_split["test"])


def test_names_that_say_no_split(refuses, videos):
    refuses("no part of its name says train, val or test", split="published")


def test_a_video_whose_end_is_missing_stops_the_stage_or_keeps_what_came_before(run, refuses, videos, tmp_path, capsys):
    write_video(tmp_path / "videos" / "cut.mkv", noise(9, 3 * LENGTH), 10, lossless=True)
    data = (tmp_path / "videos" / "cut.mkv").read_bytes()
    (tmp_path / "videos" / "cut.mkv").write_bytes(data[: len(data) * 9 // 10])
    refuses("'cut.mkv' cannot be decoded (its end is cut off")
    rest, test = run(on_damage="skip")
    assert "skipped: video 'cut.mkv'" in capsys.readouterr().err
    found = [pair for store in (rest, test) for pair in zip(store.video_id, store.first_frame, strict=True)]
    assert sorted(start for name, start in found if name == "cut.mkv") == [0, LENGTH]


def test_of_several_kinds_of_pictures_one_is_chosen(run, refuses, tmp_path):
    for folder in "abcd":
        (tmp_path / "videos" / folder).mkdir(parents=True)
        for t, frame in enumerate(noise(ord(folder))):
            Image.fromarray(frame).save(tmp_path / "videos" / folder / f"rgba_{t}.png")
            Image.fromarray(255 - frame).save(tmp_path / "videos" / folder / f"normal_{t}.png")
    refuses("found 'normal_*.png', 'rgba_*.png'; set preprocess.pictures")
    rest, test = run(pictures="rgba_*")
    for store in (rest, test):
        for row, name in enumerate(store.video_id):
            assert np.array_equal(store.read([row])[0], noise(ord(name)))


def test_a_damaged_array_among_others_is_named_or_skipped(run, refuses, tmp_path, capsys):
    (tmp_path / "videos").mkdir()
    for number in range(5):
        np.save(tmp_path / "videos" / f"{number}.npy", noise(number).transpose(0, 3, 1, 2))
    whole = (tmp_path / "videos" / "3.npy").read_bytes()
    (tmp_path / "videos" / "3.npy").write_bytes(whole[:-5])
    refuses("'3.npy/0' cannot be decoded")
    rest, test = run(on_damage="skip")
    assert "skipped: video '3.npy/0'" in capsys.readouterr().err
    for store in (rest, test):
        for row, name in enumerate(store.video_id):
            assert name[0] != "3" and np.array_equal(store.read([row])[0], noise(int(name[0])))


def test_truth_of_one_video_in_an_array(run, tmp_path):
    (tmp_path / "videos").mkdir()
    for number in range(4):
        np.savez(tmp_path / "videos" / f"{number}.npz", noise(number))
        np.savez(tmp_path / "videos" / f"{number}.truth.npz", segmentation=np.full((LENGTH, 16, 16), number, np.uint8))
    for store in run():
        for row, name in enumerate(store.video_id):
            assert np.all(store.read_truth("segmentation", np.array([row])) == int(name[0]))


def test_of_several_arrays_in_a_file_one_is_chosen(run, refuses, tmp_path):
    videos = np.stack([noise(seed) for seed in range(5)])
    np.savez(tmp_path / "a.npz", rgb=videos, masks=255 - videos)
    refuses("found rgb (uint8 [5, 8, 16, 16, 3]), masks (uint8 [5, 8, 16, 16, 3]); set preprocess.array_name",
            source=tmp_path / "a.npz", array_layout="video_time")
    for store in run(tmp_path / "a.npz", array_layout="video_time", array_name="masks"):
        for row, name in enumerate(store.video_id):
            assert np.array_equal(store.read([row])[0], 255 - videos[int(name[-1])])


def test_one_video_as_an_array(run, tmp_path):
    frames = noise(0, 5 * LENGTH)
    np.save(tmp_path / "a.npy", frames)
    rest, test = run(tmp_path / "a.npy", array_layout="video_time")
    assert len(rest) == 4 and np.array_equal(test.read([0])[0], frames[-LENGTH:])


def test_the_stores_say_where_nobody_knows_the_rate(run, videos, tmp_path):
    """That of arrays is only assumed, unless all are brought to one that was asked for."""
    np.save(tmp_path / "a.npy", np.stack([noise(seed) for seed in range(5)]))
    arrays = {"source": tmp_path / "a.npy", "array_layout": "video_time"}
    assert [store.preparation.fps for store in run()] == [10, 10]
    assert [store.preparation.fps for store in run(**arrays)] == [None, None]
    assert [store.preparation.fps for store in run(**arrays, fps=10)] == [10, 10]


def test_stores_say_what_their_source_was_like(run, videos, tmp_path):
    about = [store.about for store in run()]
    assert about[0] == about[1] == {
        "source_height": "16 px", "source_width": "16 px", "source_fps": "10 frames/s",
        "source_crop": "center: scaled until the frame is covered, then cut off at both sides alike",
        "source_frames": "frame i of a video is frame i of its source, both counted from 0",
    }
    write_video(tmp_path / "videos" / "6.mkv", noise(6, 4 * LENGTH, height=32, width=48), 20, lossless=True)
    about = run(fps=5, crop="none", sequence_length=4)[1].about
    assert (about["source_height"], about["source_width"], about["source_fps"]) == (
        "16 to 32 px", "16 to 48 px", "10 to 20 frames/s")
    assert "squeezed" in about["source_crop"] and "shows at i / 5 s" in about["source_frames"]
