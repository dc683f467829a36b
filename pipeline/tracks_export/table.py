"""Tracks as a table, one line for each object, frame and sample: CSV, with a header.

COLUMNS, in this order:
video        name of the source video, video_id in the stores
sequence     first frame of the sequence or clip, as stores and slots.csv count: where sequences overlap, this tells
             which one says it
frame        frame of the source video, from 0
time         s from the source video's first frame
id           number of the object in its video, from 1: the same in sequences that overlap or follow one another without
             a gap, as far as it is found again
slot         its slot in the sequence or clip, as stores and slots.csv count
x, y         its centre, px from the source video's left and top edges
left, top, width, height
             box of what shows of it, px likewise; empty where nothing does
angle        degrees that it is turned, clockwise as seen
scale_x, scale_y
             px of the source video in a px of a typical object (object_px of the weights), along its own axes
visibility   1 in view, 0 hidden or out of the frame
kind         observed or forecast
sample       which of the futures, from 0; empty where observed
spread       how unsure the forecast is: root mean square distance of all samples' centres from their mean, px of the
             source video; empty where observed, or where there is one sample
"""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from pipeline.tracks_export.clips import Clip
from pipeline.tracks_export.points import Point
from pipeline.write_file import file_to_write

COLUMNS = (
    "video", "sequence", "frame", "time", "id", "slot", "x", "y", "left", "top", "width", "height", "angle", "scale_x",
    "scale_y", "visibility", "kind", "sample", "spread",
)
_NO_BOX = (None,) * 4


def write_table(path: Path, found: Iterable[tuple[Clip, list[Point]]]) -> None:
    """Writes the table in one step. Raises CannotWrite when the system refuses."""
    with file_to_write(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for clip, points in found:
            writer.writerows(_row(clip, point) for point in points)
        text.detach()


def kind(point: Point) -> str:
    return "observed" if point.sample is None else "forecast"


def rounded(*values: float | None, digits: int = 2) -> list[float | None]:
    return [None if value is None else round(value, digits) + 0.0 for value in values]  # + 0.0: no -0.0


def _row(clip: Clip, point: Point) -> list:
    return [
        clip.video, clip.first_frame, int(clip.frame[point.t]), *rounded(float(clip.time[point.t]), digits=4),
        point.number, point.slot, *rounded(*point.place, *(point.box or _NO_BOX), point.angle),
        *rounded(*point.scale, digits=4), *rounded(point.visibility, digits=3), kind(point), point.sample,
        *rounded(point.spread),
    ]
