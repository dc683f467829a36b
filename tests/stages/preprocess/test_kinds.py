"""Every kind of source through the stage preprocess."""


import h5py
import numpy as np
import pytest
from PIL import Image

from pipeline.frames.write_video import write_video
from tests.frames.test_digit_source import write_idx
from tests.frames.test_hdf5_source import write_videogpt
from tests.frames.test_tfrecord_source import example, movi, record
from tests.stages.preprocess.conftest import LENGTH, noise


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


@pytest.mark.parametrize("layout", ["video_time", "time_video"])
def test_an_array_goes_through_in_both_orders(run, tmp_path, layout):
    frames = noise(0, 5 * LENGTH).reshape(5, LENGTH, 16, 16, 3)[..., 0]
    np.savez_compressed(tmp_path / "a.npz", frames if layout == "video_time" else frames.swapaxes(0, 1))
    rest, test = run(tmp_path / "a.npz", array_layout=layout, color="gray")
    assert len(rest) == 4 and len(test) == 1 and test.num_channels == 1
    number = int(test.video_id[0].split("/")[1])
    assert np.array_equal(test.read(slice(None))[0, ..., 0], frames[number])


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
