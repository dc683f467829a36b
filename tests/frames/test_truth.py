import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.frame_format import FrameFormat
from pipeline.frames.read_video import VideoInfo
from pipeline.frames.source import SourceVideo, open_source
from pipeline.frames.truth import VideoTruth, count_objects

FORM = FrameFormat(height=16, width=16, crop="center", color="rgb", fps=None, fps_if_unknown=10)


def arrays(num_frames: int = 6, height: int = 32, width: int = 64) -> dict[str, np.ndarray]:
    """One object, a square of 8 px, that moves 2 px per frame to the right along the middle row."""
    position = np.stack([np.arange(num_frames) * 2.0 + 20, np.full(num_frames, 16.0)], -1)[:, None]
    segmentation = np.zeros((num_frames, height, width), np.uint8)
    for t in range(num_frames):
        segmentation[t, 12:20, 16 + 2 * t : 24 + 2 * t] = 1
    return {
        "segmentation": segmentation, "background": np.full((num_frames, height, width, 3), 100, np.uint8),
        "position": position, "velocity": np.full((num_frames, 1, 2), [2.0, 0.0]), "size": np.array([8.0]),
        "color": np.array([[1.0, 0.5, 0.0]]), "shape": np.array([3]),
    }


def video_with(path, content: dict[str, np.ndarray]) -> SourceVideo:
    np.savez(path / "a.truth.npz", **content)
    return SourceVideo("a.mkv", "file", path / "a.mkv", truth=path / "a.truth.npz")


def test_truth_follows_scaling_cropping_and_resampling(tmp_path):
    video = video_with(tmp_path, arrays())
    form = FORM.model_copy(update={"fps": 5.0})
    truth = VideoTruth(video, form, VideoInfo(3, 10.0, 5.0)).frames([0, 2, 4])
    # 64x32 is halved to 32x16, then 8 columns are cut off at the left.
    assert np.allclose(truth["position"][:, 0], [[2, 8], [4, 8], [6, 8]])
    assert np.allclose(truth["velocity"][:, 0], [2, 0])  # halved by scale, doubled by time
    assert truth["size"] == [4] and truth["shape"] == [3] and truth["present"].all()
    assert truth["segmentation"].shape == (3, 16, 16) and truth["background"].shape == (3, 16, 16, 3)
    for t in range(3):
        rows, columns = np.nonzero(truth["segmentation"][t])
        center = [columns.mean() + 0.5, rows.mean() + 0.5]
        assert np.allclose(center, truth["position"][t, 0]) and len(rows) == 16


def test_truth_follows_pixels_that_are_wider_than_high(tmp_path):
    """32x32 pixels, shown twice as wide as high."""
    video = video_with(tmp_path, {name: values[:, :, ::2] if name in ("segmentation", "background") else values
                                  for name, values in arrays().items()} | {"position": arrays()["position"] / [2, 1]})
    truth = VideoTruth(video, FORM, VideoInfo(6, 10.0, 10.0, pixel_aspect=2.0)).frames([0, 2, 4])
    assert np.allclose(truth["position"][:, 0], [[2, 8], [4, 8], [6, 8]])
    for t in range(3):
        rows, columns = np.nonzero(truth["segmentation"][t])
        assert np.allclose([columns.mean() + 0.5, rows.mean() + 0.5], truth["position"][t, 0])


def test_grey_stores_have_a_grey_background(tmp_path):
    form = FORM.model_copy(update={"color": "gray"})
    truth = VideoTruth(video_with(tmp_path, arrays()), form, VideoInfo(6, 10, 10)).frames([0, 1])
    assert truth["background"].shape == (2, 16, 16, 1) and np.all(truth["background"] == 100)


def test_truth_of_an_array_has_a_video_axis_and_size_0_means_no_object(tmp_path):
    content = {name: np.stack([values, values]) for name, values in arrays().items()}
    content["size"][1] = 0
    np.savez(tmp_path / "a.truth.npz", **content)
    np.save(tmp_path / "a.npy", np.zeros((6, 2, 32, 64), np.uint8))
    with open_source(tmp_path / "a.npy", "time_video") as source:
        info = VideoInfo(6, 10, 10)
        first, second = (VideoTruth(video, FORM, info).frames([0, 5]) for video in source.videos)
        assert [count_objects(video) for video in source.videos] == [1, 1]
    assert first["position"].shape == (2, 1, 2) and second["position"].shape == (2, 0, 2)
    assert not second["present"].any()


def test_bad_truth_is_refused(tmp_path):
    video = video_with(tmp_path, arrays(num_frames=4))
    with pytest.raises(UserError, match="found 4 frames"):
        VideoTruth(video, FORM, VideoInfo(6, 10, 10)).frames([3, 4])
    video = video_with(tmp_path, {"size": np.zeros(1)})
    assert count_objects(video) == 1
    with pytest.raises(UserError, match="'a.mkv': wanted array 'segmentation'"):
        VideoTruth(video, FORM, VideoInfo(6, 10, 10))
    (tmp_path / "a.truth.npz").write_bytes(b"rubbish")
    with pytest.raises(UserError, match="cannot be read"):
        count_objects(video)
    assert count_objects(SourceVideo("b", "file", tmp_path / "b.mkv")) is None


@pytest.mark.parametrize("known", [
    (), ("background",), ("position",), ("position", "size"), ("velocity", "color", "shape"),
])
def test_truth_may_be_partial(tmp_path, known):
    content = arrays()
    held = {name: content[name] for name in ("segmentation", *known)}
    video = video_with(tmp_path, held | {"action": np.zeros((6, 4))})
    whole = VideoTruth(video_with_all(tmp_path), FORM, VideoInfo(6, 10, 10)).frames([0, 3])
    truth = VideoTruth(video, FORM, VideoInfo(6, 10, 10)).frames([0, 3])
    assert set(truth) == {"segmentation", "present", *known}
    assert count_objects(video) == 1
    for name, values in truth.items():
        assert values.dtype == whole[name].dtype and np.array_equal(values, whole[name]), name


def video_with_all(path) -> SourceVideo:
    (path / "all").mkdir(exist_ok=True)
    return video_with(path / "all", arrays())


def test_objects_of_a_segmentation_alone_are_its_numbers(tmp_path):
    segmentation = np.zeros((6, 32, 32, 1), np.int64)
    segmentation[0, 4:8, 4:8], segmentation[5, 9:20, 4:8] = 1, 3
    video = video_with(tmp_path, {"segmentation": segmentation})
    truth = VideoTruth(video, FORM, VideoInfo(6, 10, 10)).frames([0, 1])
    assert count_objects(video) == 3 and truth["present"].tolist() == [True, False, True]
    assert truth["segmentation"].shape == (2, 16, 16) and truth["segmentation"].dtype == np.uint8


@pytest.mark.parametrize("segmentation", [
    np.zeros((6, 4, 4)), np.full((6, 4, 4), 300), np.full((6, 4, 4), -1), np.zeros((6, 4), int),
])
def test_segmentations_of_another_form_are_refused(tmp_path, segmentation):
    with pytest.raises(UserError, match="wanted segmentation as whole numbers from 0 to 255"):
        VideoTruth(video_with(tmp_path, {"segmentation": segmentation}), FORM, VideoInfo(6, 10, 10))


def test_numbers_without_an_object_are_refused(tmp_path):
    content = arrays()
    content["segmentation"][2] = 2
    with pytest.raises(UserError, match="number the 1 objects of the other arrays from 1, got 2"):
        VideoTruth(video_with(tmp_path, content), FORM, VideoInfo(6, 10, 10))
