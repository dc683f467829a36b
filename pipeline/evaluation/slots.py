"""slots.csv: which slot of a sequence's latents holds the object that a forecast clip has in one of its slots.

A clip was taken apart by its context alone, its sequence as a whole, so each has an order of slots of its own. Putting
one into the order of the other would change what the models are given: the slots of latents are what a predictor was
trained on, and those of a forecast must not know of frames that came later. So it is said beside both.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pipeline.frames.forecast_clips import ForecastClips
from pipeline.frames.frame_store import FrameStore
from pipeline.latents.latent_store import LatentStore, PredictedLatentsStore
from pipeline.latents.latents import Latents, concatenate
from pipeline.latents.matching import NOWHERE, same_objects
from pipeline.provenance import match_rows
from pipeline.thresholds import PRESENT
from pipeline.write_file import write_file

COLUMNS = ("video_id", "first_frame", "slot", "sequence_first_frame", "slot_of_sequence")
_CLIPS_AT_ONCE = 64


def matched_slots(
    clips: ForecastClips, store: FrameStore, encoded: LatentStore, futures: PredictedLatentsStore,
) -> Iterator[tuple[str, int, int, int, int | None]]:
    """One row of COLUMNS for every object of every clip. A clip's and a sequence's object are the same where their
    tracks are, over the frames that were given (see latents.matching); None: the sequence has no such object. Raises
    UserError when a store lacks a row."""
    given = futures.context_frames
    of_clip = match_rows(futures, store.path, clips.video_id, clips.first_frame)
    sequence = store.first_frame[clips.row]
    of_sequence = match_rows(encoded, store.path, clips.video_id, sequence)
    for first in range(0, len(clips), _CLIPS_AT_ONCE):
        part = slice(first, first + _CLIPS_AT_ONCE)
        here = futures.read(of_clip[part]).map(lambda code: code[::futures.num_samples]).frames(0, given)
        there = encoded.read(of_sequence[part])
        slot_of = same_objects(here, cut(there, clips.start[part], given)).tolist()
        for i, slots in enumerate(slot_of):
            for slot in np.flatnonzero(here.presence[i].numpy() > PRESENT).tolist():
                other = None if slots[slot] == NOWHERE else slots[slot]
                name = str(clips.video_id[first + i]), int(clips.first_frame[first + i])
                yield *name, slot, int(sequence[first + i]), other


def write_slots(path: Path, rows: Iterator[tuple[str, int, int, int, int | None]]) -> None:
    """Writes the table in one step; where there is no such slot, that is left empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    write_file(path, text.getvalue().encode())


def cut(latents: Latents, start: np.ndarray, length: int) -> Latents:
    """Each sequence [B, T, ...] cut to the frames from its own start on."""
    return concatenate([
        latents.map(lambda code: code[b:b + 1]).frames(first, first + length)  # noqa: B023, called at once
        for b, first in enumerate(start.tolist())
    ])
