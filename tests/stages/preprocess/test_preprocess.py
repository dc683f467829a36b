"""The stage preprocess: what it writes, resumes and refuses."""

import shutil

import numpy as np
import pytest
from PIL import Image

from pipeline.frames.frame_store_writer import FrameStoreWriter
from pipeline.frames.write_video import write_video
from tests.pipeline.conftest import content
from tests.stages.preprocess.conftest import LENGTH, noise


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


def test_the_home_directory_may_be_written_short(run, refuses, videos, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    rest, test = run("~/videos")
    assert len(rest) + len(test) == 12
    refuses("the home directory in ~nobody-of-that-name/videos cannot be found", source="~nobody-of-that-name/videos")


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


def test_partly_missing_truth_is_refused(refuses, videos, tmp_path):
    np.savez(tmp_path / "videos" / "0.truth.npz", size=np.zeros(1))
    refuses("5 of 6 videos lack ground truth")


def test_a_video_whose_end_is_missing_stops_the_stage_or_keeps_what_came_before(run, refuses, videos, tmp_path, capsys):
    write_video(tmp_path / "videos" / "cut.mkv", noise(9, 3 * LENGTH), 10, lossless=True)
    data = (tmp_path / "videos" / "cut.mkv").read_bytes()
    (tmp_path / "videos" / "cut.mkv").write_bytes(data[: len(data) * 9 // 10])
    refuses("'cut.mkv' cannot be decoded (its end is cut off")
    rest, test = run(on_damage="skip")
    assert "skipped: video 'cut.mkv'" in capsys.readouterr().err
    found = [pair for store in (rest, test) for pair in zip(store.video_id, store.first_frame, strict=True)]
    assert sorted(start for name, start in found if name == "cut.mkv") == [0, LENGTH]
