"""How the frames were that a model learned from."""

import numpy as np
import pytest

from pipeline.frames.frame_format import Preparation
from pipeline.frames.frame_store import open_frames
from pipeline.frames.frame_store_writer import FrameStoreWriter


@pytest.mark.parametrize("is_assumed", [False, True])
def test_a_store_tells_how_its_frames_were_prepared(tmp_path, is_assumed):
    writer = FrameStoreWriter(
        tmp_path / "f.zarr", 1, (2, 8, 8, 1), fps=12, crop="none", source="s" * 64, num_objects=None,
        fps_is_assumed=is_assumed,
    )
    writer.append(np.zeros((2, 8, 8, 1), np.uint8), {}, video_id="a", first_frame=0, split="train")
    writer.finish()
    prepared = open_frames(tmp_path / "f.zarr").preparation
    assert prepared == Preparation(crop="none", fps=None if is_assumed else 12)


def test_the_form_of_prepared_frames():
    form = Preparation(crop="none", fps=12).form(16, 24, 1)
    assert (form.height, form.width, form.num_channels, form.crop, form.fps, form.fps_if_unknown) == (
        16, 24, 1, "none", 12, 12)
    assert Preparation().form(16, 24, 3).fps is None
