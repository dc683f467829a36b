"""What the shape and the names of arrays say, and when nothing but a parameter does."""

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.frames.array_axes import NoVideos, chosen, part, reading

UINT8 = np.dtype(np.uint8)

TOLD = {  # shape and layout -> order
    ((20, 64, 48, 3), None): "THWC",
    ((20, 3, 64, 48), None): "TCHW",
    ((20, 1, 64, 48), None): "TCHW",
    ((64, 48, 3, 20), None): "HWCT",
    ((20, 64, 64), None): "THW",
    ((20, 48, 64), None): "THW",
    ((20, 3, 64, 48), "video_time"): "TCHW",
    ((20, 1, 64, 48), "video_time"): "TCHW",
    ((20, 64, 48, 3), "time_video"): "THWC",
    ((5, 20, 64, 48), "video_time"): "NTHW",
    ((1, 20, 64, 48), "video_time"): "NTHW",
    ((5, 2, 64, 48), "video_time"): "NTHW",
    ((20, 5, 64, 48), "time_video"): "TNHW",
    ((20, 1, 64, 48), "time_video"): "TNHW",
    ((5, 20, 64, 48, 3), "video_time"): "NTHWC",
    ((5, 3, 64, 48, 3), "video_time"): "NTHWC",
    ((5, 20, 3, 64, 48), "video_time"): "NTCHW",
    ((5, 20, 1, 64, 48), "video_time"): "NTCHW",
    ((5, 3, 20, 64, 48), "video_time"): "NCTHW",
    ((20, 5, 3, 64, 48), "time_video"): "TNCHW",
    ((20, 5, 64, 48, 1), "time_video"): "TNHWC",
    ((3, 20, 64, 48), "CTHW"): "CTHW",
    ((3, 20, 64, 48), "NTHW"): "NTHW",
    ((64, 48, 20), "HWT"): "HWT",
}


@pytest.mark.parametrize(("case", "order"), TOLD.items(), ids=str)
def test_the_shape_tells_the_axes(case, order):
    shape, layout = case
    assert reading("a.npy", (UINT8, shape), layout).order == order


@pytest.mark.parametrize(("shape", "layout", "complaint"), [
    ((3, 20, 64, 48), "video_time", r"\(NTHW\) or \[channel, time, height, width\] \(CTHW\)"),
    ((20, 3, 64, 48), "time_video", r"\(TNHW\) or \[time, channel, height, width\] \(TCHW\)"),
    ((5, 3, 3, 64, 48), "video_time", r"\(NTCHW\) or .*\(NCTHW\)"),
    ((3, 20, 64, 48), None, r"order of its axes \[3, 20, 64, 48\] is not said.*: CTHW, NTHW, TNHW$"),
    ((5, 20, 64, 48), None, "is not said.*: NTHW, TNHW$"),
    ((5, 20, 64, 48, 3), None, "is not said.*: NTHWC, TNHWC$"),
    ((64, 64, 20), None, r"is not said.*: THW, HWT$"),
    ((240, 320, 100), None, r"is not said.*: THW, HWT$"),
    ((20, 64, 48), "video_time", "to THW if it is one grey video"),
    ((20, 64, 48, 4), "video_time", r"got uint8 \[20, 64, 48, 4\]"),
    ((20, 64, 48, 4), None, r"got uint8 \[20, 64, 48, 4\]"),
    ((20, 64, 48), "THWC", r"wanted uint8 \[time, height, width, channel\] .*got uint8 \[20, 64, 48\]"),
    ((20, 64, 48, 4), "THWC", r"got uint8 \[20, 64, 48, 4\]"),
    ((5, 20, 64, 48, 4), None, r"wanted .*got uint8 \[5, 20, 64, 48, 4\]"),
])
def test_what_the_shape_leaves_open_is_refused_with_the_shape_and_the_key(shape, layout, complaint):
    with pytest.raises(UserError, match=complaint) as caught:
        reading("a.npy", (UINT8, shape), layout)
    assert str(caught.value).startswith("a.npy: ") and str(list(shape)) in str(caught.value)


@pytest.mark.parametrize("facts", [(np.dtype(np.float32), (5, 20, 64, 48)), (UINT8, (20, 64)), None], ids=str)
def test_what_cannot_be_videos(facts):
    with pytest.raises(NoVideos, match="wanted uint8"):
        reading("a.npy", facts, "video_time")


@pytest.mark.parametrize("order", sorted(set(TOLD.values())))
def test_a_part_is_time_height_width_channel(order):
    sizes = {"N": 2, "T": 6, "H": 4, "W": 5, "C": 3}
    array = np.random.default_rng(0).integers(0, 256, [sizes[axis] for axis in order], np.uint8)
    got = part(array, order, len(order) % 2, 2, 5)
    letters = order.lower()
    whole = np.einsum(f"{letters}->{''.join(axis for axis in 'nthwc' if axis in letters)}", array)
    assert np.array_equal(got, (whole[len(order) % 2] if "N" in order else whole)[2:5])


VIDEOS, LABELS = (UINT8, (5, 20, 64, 48, 3)), (np.dtype(np.int64), (5,))


@pytest.mark.parametrize(("found", "pattern", "wanted"), [
    ({"frames": VIDEOS, "labels": LABELS}, None, ["frames"]),
    ({"train": VIDEOS, "test": VIDEOS, "y": LABELS}, None, ["train", "test"]),
    ({"train/images": VIDEOS, "val/images": VIDEOS}, None, ["train/images", "val/images"]),
    ({"arr_0": VIDEOS, "arr_1": VIDEOS, "arr_10": VIDEOS}, None, ["arr_0", "arr_1", "arr_10"]),
    ({"rgb": VIDEOS, "masks": VIDEOS}, "rgb", ["rgb"]),
    ({"rgb": VIDEOS, "masks": VIDEOS}, "a.npz/masks", ["masks"]),
    ({"demo_0/rgb": VIDEOS, "demo_0/masks": VIDEOS, "demo_1/rgb": VIDEOS}, "*/rgb", ["demo_0/rgb", "demo_1/rgb"]),
    ({"demo_0/rgb": VIDEOS, "demo_0/label": LABELS}, "demo_0/*", ["demo_0/rgb"]),
    ({"labels": LABELS}, None, ["labels"]),
])
def test_which_arrays_are_the_videos(found, pattern, wanted):
    assert chosen("folder/a.npz", found, pattern) == wanted


@pytest.mark.parametrize(("found", "pattern", "complaint"), [
    ({"rgb": VIDEOS, "masks": VIDEOS}, None, "set preprocess.array_name"),
    ({"train_rgb": VIDEOS, "test_masks": VIDEOS}, None, "set preprocess.array_name"),
    ({"x": LABELS, "y": LABELS}, None, r"found x \(int64 \[5\]\), y \(int64 \[5\]\)"),
    ({"rgb": VIDEOS}, "depth", r"called depth \(preprocess.array_name\), found rgb \(uint8 \[5, 20, 64, 48, 3\]"),
    ({}, None, "found none"),
    ({f"demo_{n}/{name}": facts for n in range(90) for name, facts in (("a", LABELS), ("l", VIDEOS), ("r", VIDEOS))},
     None, r"found demo_0/l \(uint8 \[5, 20, 64, 48, 3\]\) and 89 like it, demo_0/r .*89 like it, demo_0/a \(int64"),
])
def test_when_it_is_not_said_which_what_the_file_holds_is(found, pattern, complaint):
    with pytest.raises(UserError, match=complaint):
        chosen("folder/a.npz", found, pattern)
