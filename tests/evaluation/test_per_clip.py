import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.evaluation.per_clip import per_clip_rows, read_per_clip, write_per_clip
from pipeline.frames.forecast_clips import ForecastClips

CLIPS = ForecastClips(np.array(['a, "b"', "c", "d"]), np.array([0, 20, 5]), np.zeros(3, int), np.zeros(3, int))
FIGURES = {
    "psnr": np.array([30.0, 20.0, 25.5]), "psnr_moving": np.array([1, np.nan, 2]), "objects": np.array([1, 0, 2]),
}
NAMES = [('a, "b"', 0), ("c", 20), ("d", 5)]


def test_rows_are_written_and_read_worst_first(tmp_path):
    rows = per_clip_rows(CLIPS, FIGURES)
    assert [row["psnr"] for row in rows] == [20.0, 25.5, 30.0]
    write_per_clip(tmp_path / "per_clip.csv", rows)
    assert (tmp_path / "per_clip.csv").read_text().splitlines()[:2] == [
        "video_id,first_frame,psnr,psnr_moving,objects", "c,20,20,,0"]
    assert read_per_clip(tmp_path / "per_clip.csv", NAMES) == rows


@pytest.mark.parametrize("text", [
    None, "", "a,b\n1,2\n", "video_id,first_frame\nc,x\n", "video_id,first_frame\nc,20\n",
])
def test_what_is_not_about_these_clips_is_refused(tmp_path, text):
    if text is not None:
        (tmp_path / "per_clip.csv").write_text(text)
    with pytest.raises(UserError, match="per_clip.csv.*dvc repro"):
        read_per_clip(tmp_path / "per_clip.csv", NAMES)
