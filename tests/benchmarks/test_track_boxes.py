"""What the figures of exported boxes mean."""

import csv

import pytest

from benchmarks.track_boxes import exported_tracks, figures, overlap, overlaps
from pipeline.tracks_export.table import COLUMNS


@pytest.mark.parametrize(("other", "wanted"), [
    ((0, 0, 4, 2), 1), ((2, 0, 4, 2), 1 / 3), ((4, 0, 4, 2), 0), ((1, 1, 2, 1), 2 / 8), ((9, 9, 1, 1), 0),
])
def test_overlap(other, wanted):
    assert overlap((0, 0, 4, 2), other) == overlap(other, (0, 0, 4, 2)) == pytest.approx(wanted)


def test_each_object_has_one_track():
    """The second object's only track is nearer to the first; what was not found, or not asked for, is 0, or does not
    count."""
    here, half, away = (0, 0, 4, 2), (0, 0, 2, 2), (50, 50, 4, 2)
    truth = {"a": [{0: here, 1: here, 2: here}, {0: away, 1: away}], "b": [{0: here}]}
    tracks = {"a": [{0: half, 1: here}]}
    assert overlaps(truth, tracks, {"a": {0, 1}, "b": {0}}) == [0.5, 1, 0, 0, 0]
    assert figures([0.5, 1, 0, 0]) == {"median_iou": 0.25, "mean_iou": 0.375, "share_above_0.5": 0.25, "boxes": 4}


def test_tables_are_read_by_sample(tmp_path):
    lines = [("a", 0, 0, 1, "observed", "", 1), ("a", 0, 1, 1, "forecast", 0, 2), ("a", 0, 1, 1, "forecast", 1, 3),
             ("a", 0, 2, 1, "forecast", 1, "")]
    with (tmp_path / "t.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for video, sequence, frame, number, kind, sample, left in lines:
            writer.writerow({"video": video, "sequence": sequence, "frame": frame, "id": number, "kind": kind,
                             "sample": sample, "left": left, "top": 0, "width": 1, "height": 1})
    tracks, frames = exported_tracks(tmp_path / "t.csv", "forecast")
    assert tracks == {"0": {"a": [{1: (2, 0, 1, 1)}]}, "1": {"a": [{1: (3, 0, 1, 1)}]}} and frames == {"a": {1, 2}}
