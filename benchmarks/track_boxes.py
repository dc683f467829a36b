"""How well the boxes of exported tracks lie over those of the true segmentation.

    python -m benchmarks.track_boxes

Exports the tracks of the test split (`stages.inspect --export`) as a table and compares each object's box, in px of
the source, with that of the pixels that the truth says are the object's, in every frame that shows any of it; objects
are matched one to one per sequence. Figures: intersection over union, of boxes from masks (with the weights) and of
those from poses alone, and of a forecast's boxes, sample by sample; an object that was not found counts 0.
Wanted: a median of 0.8 or more of what was observed.
"""

import csv
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from scipy.optimize import linear_sum_assignment

from pipeline.errors import UserError, one_line_errors
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.frames.source_view import source_views
from pipeline.inspection.facts import read_facts
from pipeline.tracks_export.export import export_tracks

BAR = 0.8
Box = tuple[float, float, float, float]
"""left, top, width, height, px of the source."""
Track = dict[int, Box]
"""Boxes of an object by the source's frame."""


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    corners = np.array([[one[:2], other[:2]], [np.add(one[:2], one[2:]), np.add(other[:2], other[2:])]])
    shared = np.prod((corners[1].min(0) - corners[0].max(0)).clip(0))
    return float(shared / (one[2] * one[3] + other[2] * other[3] - shared))


def true_tracks(store: FrameStore) -> dict[str, list[Track]]:
    """The true objects of each video of the test split, sequence by sequence."""
    attributes = {**store.about, "height": store.height, "width": store.width, "fps": store.fps}
    view_of, found = source_views(store.path, attributes), defaultdict(list)
    for row in store.rows("test"):
        segmentation, view = store.read_truth("segmentation", np.array([row]))[0], view_of(str(store.video_id[row]))
        frames = view.frames(int(store.first_frame[row]) + np.arange(len(segmentation))).tolist()
        for number in range(1, store.num_objects + 1):
            track: Track = {}
            for frame, mask in zip(frames, segmentation == number, strict=True):
                if mask.any():
                    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
                    ends = np.array([[columns[0], rows[0]], [columns[-1] + 1, rows[-1] + 1]])
                    (left, top), (right, below) = view.places(ends).tolist()
                    track[frame] = (left, top, right - left, below - top)
            if track:
                found[str(store.video_id[row])].append(track)
    return found


def exported_tracks(table: Path, kind: str) -> tuple[dict[str, dict[str, list[Track]]], dict[str, set[int]]]:
    """The tracks that a table has, by sample (observed: the only one, without a name) and video; and the frames that it
    has of each video."""
    found: dict = defaultdict(lambda: defaultdict(lambda: defaultdict(dict)))
    frames: dict[str, set[int]] = defaultdict(set)
    with table.open(encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            if line["kind"] != kind:
                continue
            frames[line["video"]].add(int(line["frame"]))
            if line["left"]:
                box = tuple(float(line[name]) for name in ("left", "top", "width", "height"))
                found[line["sample"]][line["video"]][line["sequence"], line["id"]][int(line["frame"])] = box
    tracks = {sample: {video: [*own.values()] for video, own in videos.items()} for sample, videos in found.items()}
    return tracks, frames


def overlaps(truth: dict[str, list[Track]], tracks: dict[str, list[Track]], frames: dict[str, set[int]]) -> list[float]:
    """Overlaps of every true object, in each of the frames of its video that are asked for."""
    found: list[float] = []
    for video, wanted in frames.items():
        own = [{frame: box for frame, box in track.items() if frame in wanted} for track in truth.get(video, [])]
        others = tracks.get(video, [])
        pairs = [[[overlap(box, other[frame]) if frame in other else 0.0 for frame, box in track.items()]
                  for other in others] for track in own]
        rows, columns = linear_sum_assignment([[sum(pair) for pair in row] for row in pairs], maximize=True) \
            if others and own else ([], [])
        of = dict(zip(rows, columns, strict=True))
        for i, track in enumerate(own):
            found += pairs[i][of[i]] if i in of else [0.0] * len(track)
    return found


def figures(values: list[float]) -> dict[str, float]:
    return {
        "median_iou": float(np.median(values)), "mean_iou": float(np.mean(values)),
        "share_above_0.5": float((np.array(values) > 0.5).mean()), "boxes": len(values),
    }


def main(
    data: Annotated[Path, typer.Option(help="Folder with the stores of a run, and its weights.")] = Path("data"),
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
) -> None:
    """Compares the boxes of exported tracks with those of the true segmentation."""
    with one_line_errors(), tempfile.TemporaryDirectory() as folder:
        store = open_frames(data / "test_frames.zarr")
        if "segmentation" not in store.truth_names:
            raise UserError(f"{store.path}: has no true segmentation; take data that has")
        truth, weights, found = true_tracks(store), data / "autoencoder.safetensors", {}
        latents = read_facts(data / "latents.zarr")
        rows = np.flatnonzero(latents.labels("split") == "test")
        for name, drawn_with in (("observed, masks", weights), ("observed, poses alone", Path(folder) / "none")):
            export_tracks(latents, drawn_with, table := Path(folder) / "observed.csv", rows)
            observed = exported_tracks(table, "observed")[0][""]
            every = {video: {frame for track in tracks for frame in track} for video, tracks in truth.items()}
            found[name] = figures(overlaps(truth, observed, every))
        export_tracks(read_facts(data / "predicted_latents.zarr"), weights, table := Path(folder) / "forecast.csv")
        samples, shown = exported_tracks(table, "forecast")
        of_samples = [overlaps(truth, tracks, shown) for tracks in samples.values()]
        found["forecast, masks"] = figures([value for values in of_samples for value in values])
    if as_json:
        print(json.dumps(found, indent=2))
        return
    for name, numbers in found.items():
        print(f"{name}: " + ", ".join(f"{key} {value:.3f}" if key != "boxes" else f"{value} boxes"
                                      for key, value in numbers.items()))
    print(f"wanted: observed, masks: median_iou >= {BAR}")


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
