"""Artefacts that do not belong together are refused, naming both."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.provenance import check_frame_shape, check_made_from, match_rows

ONE, OTHER = Path("one.zarr"), Path("other.zarr")


def test_only_the_identity_it_was_made_from_is_accepted():
    check_made_from(ONE, {"frames": "a" * 64}, "frames", OTHER, "a" * 64)
    for made_from in ({"frames": "b" * 64}, {}):
        with pytest.raises(UserError, match="one.zarr was made from frames .* but other.zarr is a{12};"):
            check_made_from(ONE, made_from, "frames", OTHER, "a" * 64)


def test_only_frames_of_the_models_shape_are_accepted():
    check_frame_shape(ONE, (48, 64, 3), (48, 64, 3))
    with pytest.raises(UserError, match="one.zarr: holds .* 64 x 48 px in color, but the .* 64 x 48 px in grey"):
        check_frame_shape(ONE, (48, 64, 3), (48, 64, 1))


def test_rows_are_joined_by_name_in_any_order():
    store = SimpleNamespace(path=ONE, video_id=["b", "a", "a"], first_frame=[0, 5, 0])
    assert match_rows(store, OTHER, ["a", "b", "a"], [0, 0, 5]).tolist() == [2, 0, 1]
    with pytest.raises(UserError, match="one.zarr: lacks 1 of 2 rows of other.zarr, such as video 'b' from frame 5"):
        match_rows(store, OTHER, ["a", "b"], [5, 5])
