"""What surprises how often: the scores of the validation clips, against which all others are set.

A kind's scores become the share of validation frames in which it scores as much; the rarest of a frame's kinds is in
turn set against the rarest of every validation frame. So of several kinds and objects one is not an alarm because they
are many, and one threshold means the same for all. Before that an object's place is set against those of objects in the
same situation alone: a crossing is as rare as it is among crossings.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from pipeline import checkpoint
from pipeline.autoencoder.autoencoder import load_autoencoder
from pipeline.errors import UserError
from pipeline.forecasting.forecaster import Forecaster
from pipeline.frames.frame_store import FrameStore, open_frames
from pipeline.progress import progress
from pipeline.provenance import check_frame_shape, check_made_from
from pipeline.surprise.places import SITUATIONS
from pipeline.surprise.scores import KINDS, Scores
from pipeline.surprise.sliding import Frame, ahead_of, by_frame, score_all
from pipeline.surprise.tail import Tail

KIND = "surprise"
VERSION = 4
"""Of how frames are scored; another one makes calibrations anew."""
FEWEST_FRAMES = 50
"""Validation frames below which nothing can be said of how rare anything is."""
_WORTH = 100
"""Objects in frames that all of them, whatever the situation, are worth beside those of one: where few were seen, or
none that surprised, that says little of how rare it is."""


@dataclass(frozen=True)
class Calibration:
    scores: dict[str, np.ndarray]
    """By kind of KINDS: float [n], the most of each of n validation frames, as `Scores.most`; of places as `compared`
    gives them"""
    places: dict[str, np.ndarray]
    """By situation of SITUATIONS: float [m], the nats of an object in a frame; none: places are not compared"""

    @property
    def num_frames(self) -> int:
        return len(next(iter(self.scores.values())))

    @cached_property
    def _tails(self) -> dict[str, Tail]:
        return {kind: Tail(values) for kind, values in self.scores.items()}

    @cached_property
    def _together(self) -> Tail:
        return Tail(np.max([self._surprise(kind, values) for kind, values in self.scores.items()], axis=0))

    def _surprise(self, kind: str, values: np.ndarray) -> np.ndarray:
        return -np.log(self._tails[kind].rarity(values))

    @cached_property
    def _of_places(self) -> tuple[Tail, list[Tail | None]]:
        """Of all objects, and of those in each situation."""
        values = [self.places[name] for name in SITUATIONS]
        return Tail(np.concatenate([*values, [-np.inf]])), [Tail(own) if len(own) else None for own in values]

    def rarity(self, kind: str, values: np.ndarray) -> np.ndarray:
        """Share of the frames, in (0, 1], in which anything, of any object, surprises as much as these scores of a kind
        do, `compared` before, of any shape; 1 for NaN."""
        return self._together.rarity(self._surprise(kind, values))

    def compared(self, scores: Scores) -> Scores:
        """With -log of the share of objects in the same situation whose places surprise as much instead of nats, as
        far as so many were seen that it can be told from that of all."""
        if not self.places:
            return scores
        nats, (of_all, own) = scores.of_objects["pose"], self._of_places
        everywhere, shares = of_all.rarity(nats), []
        for name, tail in zip(SITUATIONS, own, strict=True):
            count = len(self.places[name])
            seen = count * tail.rarity(nats) if tail else 0
            shares.append((seen + _WORTH * everywhere) / (count + _WORTH))
        pose = np.where(np.isfinite(nats), -np.log(np.choose(scores.situation, shares)), nats)
        return replace(scores, of_objects={**scores.of_objects, "pose": pose.astype(np.float32)})  # as it is kept


def calibrated(path: Path, forecaster: Forecaster, frames: Path, autoencoder: Path) -> Calibration:
    """The calibration at `path` if it is that of these weights; otherwise that of the validation clips of the frames,
    which is then kept there.

    Raises UserError when the frames are not those that the weights at `autoencoder` learned from, are too few, or
    `path` holds something else.
    """
    config = {"version": VERSION, "context_frames": forecaster.context_frames, "ahead": ahead_of(forecaster)}
    if path.exists():
        known = checkpoint.load(path, KIND)
        if known.made_from == forecaster.made_from and known.config == config:
            scores, places = ({name: known.tensors[name].numpy() for name in names} for names in (KINDS, SITUATIONS))
            return Calibration(scores, places)
    store, weights = open_frames(frames), load_autoencoder(autoencoder)[1]
    check_made_from(autoencoder, weights.made_from, "frames", frames, store.identity)
    found = calibrate(forecaster, store)
    tensors = {kind: torch.from_numpy(values).float() for kind, values in {**found.scores, **found.places}.items()}
    checkpoint.save(path, KIND, tensors, config, forecaster.made_from)
    return found


def calibrate(forecaster: Forecaster, store: FrameStore) -> Calibration:
    """Scores the validation clips; those that follow one another in a video as one."""
    check_frame_shape(store.path, (store.height, store.width, store.num_channels), forecaster.frame_shape)
    rows = store.rows("val")
    rows = rows[np.lexsort((store.first_frame[rows], store.video_id[rows]))]
    found: list[list[tuple[int, Scores]]] = []
    with progress("calibrating", len(rows), "validation clips") as advance:
        for _, of_video in groupby(rows.tolist(), key=lambda row: str(store.video_id[row])):
            own = list(of_video)
            found.append(list(score_all(forecaster, joined(store, own))))
            advance(len(own))
    known = calibration_of(found)
    if (count := known.num_frames) < FEWEST_FRAMES:
        raise UserError(
            f"{store.path}: its validation clips have {count} frames that follow {forecaster.context_frames} others, "
            f"wanted at least {FEWEST_FRAMES} to say what is rare; raise preprocess.val_fraction or add videos"
        )
    return known


def calibration_of(found: list[list[tuple[int, Scores]]]) -> Calibration:
    """What the windows of each of some streams say, with the numbers of their first frames, in their order."""
    compares = Calibration({}, _places([scores for windows in found for _, scores in windows]))
    of_frames = np.array([most for windows in found for most in _most(compares, windows)])
    most = dict(zip(KINDS, of_frames.reshape(-1, len(KINDS)).T, strict=True))
    return Calibration(most, compares.places)


def _places(scored: list[Scores]) -> dict[str, np.ndarray]:
    """`Calibration.places` of windows."""
    nats = np.concatenate([np.empty(0), *(scores.of_objects["pose"].ravel() for scores in scored)])
    situation = np.concatenate([np.empty(0), *(scores.situation.ravel() for scores in scored)])
    return {name: nats[np.isfinite(nats) & (situation == number)] for number, name in enumerate(SITUATIONS)}


def _most(compares: Calibration, windows: list[tuple[int, Scores]]) -> list[np.ndarray]:
    """Of each frame the most of every kind, float [kinds]."""
    compared = [(first, compares.compared(scores)) for first, scores in windows]
    of_windows = ((first, [*np.stack([scores.most(kind) for kind in KINDS], 1)]) for first, scores in compared)
    return [np.max(of_frame, axis=0) for _, of_frame in by_frame(of_windows)]


def joined(store: FrameStore, rows: list[int]) -> Iterator[Frame]:
    """The frames of rows of one video, ascending, each once, with their numbers in the video."""
    following = None
    for row in rows:
        first, frames = int(store.first_frame[row]), store.read(slice(row, row + 1))[0]
        for number, frame in enumerate(frames, first):
            if following is None or number >= following:
                yield Frame(number, frame, begins=number != following)
                following = number + 1
