from pathlib import Path

import av
import numpy as np
import pytest
from ruamel.yaml import YAML

from data.sprites.drawing import SHAPE_NAMES, draw_shape
from data.sprites.generate import SpriteParams, draw_video, main
from pipeline.params import read_section

SHIPPED = Path("data/sprites/params.yaml")


def params(**changes) -> SpriteParams:
    return read_section(SHIPPED, "sprites", SpriteParams).model_copy(update=changes)


def test_a_video_is_a_function_of_seed_and_index():
    (first, truth), (again, _) = draw_video(params(), 3), draw_video(params(num_videos=7), 3)
    assert np.array_equal(first, again)
    assert first.shape == (40, 64, 64, 3) and first.dtype == np.uint8
    assert not np.array_equal(first, draw_video(params(), 4)[0])
    assert not np.array_equal(first, draw_video(params(seed=1), 3)[0])
    assert truth["segmentation"].shape == (40, 64, 64) and truth["background"].shape == first.shape


@pytest.mark.parametrize("index", range(8))
def test_truth_fits_the_pixels(index):
    frames, truth = draw_video(params(), index)
    background = truth["segmentation"] == 0
    # Edges are mixed from both sides, so a pixel of the background may hold up to half of an object.
    assert np.array_equal(frames[background], truth["background"][background]) or \
        np.abs(frames[background].astype(int) - truth["background"][background]).mean() < 8
    count = len(truth["size"])
    assert 1 <= count <= 3 and truth["position"].shape == truth["velocity"].shape == (40, count, 2)
    half = truth["size"] / 2
    assert np.all(truth["position"] >= half[:, None] - 1e-4) and np.all(truth["position"] <= 64 - half[:, None] + 1e-4)
    for t, number in ((0, count), (20, count)):  # the nearest object hides nothing of itself
        rows, columns = np.nonzero(truth["segmentation"][t] == number)
        center, side = truth["position"][t, number - 1], truth["size"][number - 1]
        assert np.all(np.abs(columns + 0.5 - center[0]) <= side / 2 + 0.5)
        assert np.all(np.abs(rows + 0.5 - center[1]) <= side / 2 + 0.5)
        assert max(np.ptp(rows), np.ptp(columns)) >= side - 4


def test_objects_fly_straight_and_bounce():
    bounces = 0
    for index in range(5):
        _, truth = draw_video(params(stop_probability=0.0), index)
        step, velocity = np.diff(truth["position"], axis=0), truth["velocity"][:-1]
        turned = np.any(truth["velocity"][1:] * velocity < 0, axis=-1)
        assert np.abs(step - velocity)[~turned].max() < 1e-4
        assert np.ptp(np.linalg.norm(truth["velocity"], axis=-1), axis=0).max() < 1e-4
        bounces += turned.sum()
    assert bounces > 5


def test_objects_turn_left_or_right_or_not_at_known_moments():
    angles = []
    for index in range(12):
        _, truth = draw_video(params(stop_probability=0.0, turn_every=15), index)
        _, straight = draw_video(params(stop_probability=0.0), index)
        assert np.flatnonzero(truth["turning"]).tolist() == [15, 30] and not straight["turning"].any()
        # Until the first moment nothing tells which way an object will go: it flies as it would without any turn.
        assert np.array_equal(truth["position"][:16, 0], straight["position"][:16, 0])
        velocity = np.abs(truth["velocity"][:, 0])  # walls change signs alone
        assert np.allclose(np.linalg.norm(velocity, axis=-1), np.linalg.norm(velocity[0]), rtol=1e-5)
        swapped = [np.allclose(velocity[t], velocity[t - 1, ::-1], rtol=1e-4) for t in (15, 30)]
        for t, turned in zip((15, 30), swapped, strict=True):
            assert turned or np.allclose(velocity[t], velocity[t - 1], rtol=1e-4)
        assert np.ptp(velocity[:15], axis=0).max() < 1e-5
        angles += swapped
    assert 0.4 < np.mean(angles) < 0.95  # two thirds turn


def test_some_objects_rest_once_for_a_while():
    resting = []
    for index in range(15):
        _, truth = draw_video(params(stop_probability=0.5), index)
        still = np.linalg.norm(truth["velocity"], axis=-1) == 0
        assert np.all(np.diff(still.astype(int), axis=0).clip(0).sum(0) <= 1)
        assert np.abs(np.diff(truth["position"], axis=0))[still[:-1]].sum() == 0
        resting.extend(still.any(0))
    assert 0.25 < np.mean(resting) < 0.75


def test_options_change_what_they_say():
    _, still = draw_video(params(), 0)
    assert np.all(still["background"] == still["background"][0])
    _, panning = draw_video(params(panning=True), 0)
    assert np.abs(np.diff(panning["background"].astype(int), axis=0)).mean() > 0.2
    _, drifting = draw_video(params(brightness_drift=0.4), 0)
    assert np.ptp(drifting["background"].mean((1, 2, 3))) > 15
    digits, truth = draw_video(params(style="digits", num_objects=(2, 2)), 0)
    assert not truth["background"].any() and np.ptp(digits, axis=-1).max() == 0 and digits.max() == 255
    assert all(SHAPE_NAMES[shape].startswith("digit_") for shape in truth["shape"]) and len(truth["shape"]) == 2
    _, empty = draw_video(params(num_objects=(0, 0)), 0)
    assert empty["position"].shape == (40, 0, 2) and not empty["segmentation"].any()


@pytest.mark.parametrize("index", range(len(SHAPE_NAMES)), ids=SHAPE_NAMES)
def test_every_shape_fills_its_bounding_box_and_no_more(index):
    y, x = np.mgrid[-60:61, -60:61] / 40
    inside = draw_shape(index, np.random.default_rng(0))(x, y) < 0
    assert 0.05 < inside.mean() < 0.5
    assert not inside[(np.abs(x) > 1.03) | (np.abs(y) > 1.03)].any()
    assert max(np.ptp(x[inside]), np.ptp(y[inside])) > 1.9


def test_the_command_writes_lossless_videos_with_their_truth(tmp_path, capsys):
    section = YAML(typ="safe").load(SHIPPED.read_text())["sprites"] | {"num_videos": 2, "num_frames": 5}
    YAML().dump({"sprites": section}, tmp_path / "params.yaml")
    for name in ("a", "b"):
        main(tmp_path / "params.yaml", tmp_path / name)
    assert "2 videos" in capsys.readouterr().err
    files = {file.name: file.read_bytes() for file in (tmp_path / "a").iterdir()}
    assert sorted(files) == ["0.mkv", "0.truth.npz", "1.mkv", "1.truth.npz"]
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "b").iterdir()}
    frames, truth = draw_video(SpriteParams(**section), 1)
    with av.open(str(tmp_path / "a" / "1.mkv")) as container:
        assert np.array_equal(np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)]), frames)
    with np.load(tmp_path / "a" / "1.truth.npz", allow_pickle=False) as stored:
        assert stored.keys() == truth.keys() and all(np.array_equal(stored[name], truth[name]) for name in truth)


@pytest.mark.parametrize(("change", "complaint"), [
    ({"object_side": [10, 70]}, "do not fit"),
    ({"num_objects": [3, 2]}, "[lowest, highest]"),
    ({"colour": 1}, "misspelt"),
])
def test_bad_parameters_give_one_line(tmp_path, capsys, change, complaint):
    section = YAML(typ="safe").load(SHIPPED.read_text())["sprites"] | change
    YAML().dump({"sprites": section}, tmp_path / "params.yaml")
    with pytest.raises(SystemExit) as stop:
        main(tmp_path / "params.yaml", tmp_path / "videos")
    assert stop.value.code == 2 and complaint in capsys.readouterr().err and not (tmp_path / "videos").exists()
