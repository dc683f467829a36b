"""Tracks as COCO's instances in JSON, with boxes and run-length masks, and videos as TAO and CocoVID have them.

videos       id, name, width, height (px of the source)
images       id, video_id, file_name (VIDEO/FRAME.png, as six digits; no such file is written), width, height,
             frame_index (of the source, from 0), time (s)
annotations  id, image_id, category_id (1: object), track_id (number in the video, the table's id), bbox (left, top,
             width, height, px of the source), area (px), segmentation (size: height, width; counts: run lengths, not
             compressed), iscrowd (0), and as in the table sequence, slot, visibility, kind, sample, spread

A frame that several sequences show is that of the first one. Of a forecast every sample is an annotation.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from pipeline.tracks_export.clips import Clip
from pipeline.tracks_export.points import Point
from pipeline.tracks_export.table import kind, rounded
from pipeline.write_file import file_to_write


def write_coco(
    path: Path, title: str, clips: Callable[[], Iterable[Clip]], found: Iterable[tuple[Clip, list[Point]]],
) -> None:
    """Writes the file in one step. clips: gives the wanted ones anew; found: their points in the same order, each with
    an outline where it shows. Raises CannotWrite when the system refuses."""
    with file_to_write(path) as file:
        file.write(f'{{"info": {json.dumps({"description": title})},\n'.encode())
        file.write(b'"categories": [{"id": 1, "name": "object"}]')
        _write_list(file, "videos", _videos(clips()))
        _write_list(file, "images", _images(clips()))
        _write_list(file, "annotations", _annotations(found))
        file.write(b"}\n")


def _write_list(file: BinaryIO, name: str, entries: Iterator[dict]) -> None:
    """One entry a line."""
    file.write(f',\n"{name}": ['.encode())
    for i, entry in enumerate(entries):
        file.write(b",\n" if i else b"\n")
        file.write(json.dumps(entry).encode())
    file.write(b"]")


def _videos(clips: Iterable[Clip]) -> Iterator[dict]:
    number, before = 0, None
    for clip in clips:
        if clip.video != before:
            number, before = number + 1, clip.video
            yield {"id": number, "name": clip.video, "width": clip.view.width, "height": clip.view.height}


def _images(clips: Iterable[Clip]) -> Iterator[dict]:
    image, video, before = 0, 0, None
    for clip in clips:
        video, before = video + (clip.video != before), clip.video
        for t in clip.is_new.nonzero()[0].tolist():
            image, frame = image + 1, int(clip.frame[t])
            yield {
                "id": image, "video_id": video, "file_name": f"{clip.video}/{frame:06}.png", "width": clip.view.width,
                "height": clip.view.height, "frame_index": frame, "time": round(float(clip.time[t]), 4),
            }


def _annotations(found: Iterable[tuple[Clip, list[Point]]]) -> Iterator[dict]:
    number, num_images = 0, 0
    for clip, points in found:
        image_of = num_images + clip.is_new.cumsum()  # numbered as _images does
        num_images = int(image_of[-1])
        for point in points:
            if not clip.is_new[point.t] or point.outline is None:
                continue
            number += 1
            visibility, spread = rounded(point.visibility, digits=3) + rounded(point.spread)
            yield {
                "id": number, "image_id": int(image_of[point.t]), "category_id": 1, "track_id": point.number,
                "bbox": point.box, "area": point.outline.area, "iscrowd": 0,
                "segmentation": {"size": [clip.view.height, clip.view.width], "counts": point.outline.counts},
                "sequence": clip.first_frame, "slot": point.slot, "visibility": visibility, "kind": kind(point),
                "sample": point.sample, "spread": spread,
            }
