"""What a store of codes says of each object in each frame, in px, frames and seconds of the source.

Legend: n clips, S samples, T frames, K slots.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter

import numpy as np

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.latents import pose as poses
from pipeline.latents.latents import Latents
from pipeline.thresholds import IN_VIEW
from pipeline.tracks_export.clips import Clip, CodeStore
from pipeline.tracks_export.numbers import NOBODY, Numbers
from pipeline.tracks_export.outlines import Outline, leads, outline

_CLIPS_AT_ONCE = 16


@dataclass(frozen=True)
class Point:
    """An object in a frame."""

    t: int
    """Frame of the clip."""
    number: int
    slot: int
    place: tuple[float, float]
    """x, y of its centre, px of the source."""
    box: tuple[float, float, float, float] | None
    """left, top, width, height of what shows of it, px of the source; None where nothing does."""
    angle: float
    """degrees that it is turned, clockwise as seen."""
    scale: tuple[float, float]
    """px of the source in a px of a typical object, along its own two axes."""
    visibility: float
    sample: int | None
    """Which of the futures it belongs to; None: it was observed."""
    spread: float | None
    """Root mean square distance of all samples' centres from their mean, px of the source; None: observed, or of one
    sample."""
    outline: Outline | None
    """None where nothing shows, or without weights."""


def points(
    store: CodeStore, model: Autoencoder | None, wanted: np.ndarray | None = None, sample: int | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> Iterator[tuple[Clip, list[Point]]]:
    """Every wanted row's objects (None: of all rows) by frame, number and sample; of forecasts those of all samples, or
    one. Boxes are those of masks that the model draws; without a model, of squares as wide as the pose says. Raises
    UserError when the store is damaged."""
    numbers, coming = Numbers(store.num_given, store.object_px), store.clips(wanted)
    while clips := list(islice(coming, _CLIPS_AT_ONCE)):
        latents = store.read(clips)
        samples = list(range(store.num_samples)) if sample is None else [sample]
        outlines = _outlines(store, model, clips, latents, samples) if model is not None else {}
        for i, clip in enumerate(clips):
            own = latents.map(itemgetter(slice(i * store.num_samples, (i + 1) * store.num_samples)))
            found = numbers.of(clip.video, clip.first_frame, own.map(itemgetter(slice(1))), clip.after_gap)
            if clip.is_wanted:
                yield clip, list(_of_clip(store, model is not None, i, clip, own, found, samples, outlines))
                advance(1)


Key = tuple[int, int | None, int, int]
"""Clip of those read at once, sample (None: observed), frame, slot."""


def _outlines(
    store: CodeStore, model: Autoencoder, clips: list[Clip], latents: Latents, samples: list[int],
) -> dict[Key, Outline]:
    """Outlines of everything that shows in wanted clips."""
    chosen, found = [i for i, clip in enumerate(clips) if clip.is_wanted], dict[Key, Outline]()
    parts: list[tuple[list[int | None], int, int]] = [([None], 0, store.num_given)]
    parts += [([*samples], store.num_given, store.num_frames)] if store.num_frames > store.num_given else []
    for names, start, stop in parts:
        which = [(i, name) for i in chosen for name in names]
        rows = [i * store.num_samples + (name or 0) for i, name in which]
        codes = latents.map(itemgetter(rows)).frames(start, stop)
        for first, first_frame, lead in leads(model, codes):
            for b, t, slot in np.argwhere((lead > 0).any((-2, -1))).tolist():
                i, name = which[first + b]
                if shown := outline(lead[b, t, slot], clips[i].view):
                    found[i, name, start + first_frame + t, slot] = shown
    return found


def _of_clip(
    store: CodeStore, is_drawn: bool, i: int, clip: Clip, latents: Latents, found: np.ndarray, samples: list[int],
    outlines: dict[Key, Outline],
) -> Iterator[Point]:
    pose = latents.pose
    place = clip.view.places(poses.place(pose).double().numpy())  # [S, T, K, 2]
    linear = poses.matrix_of(pose, 1, 1)[..., :2].double().numpy() * clip.view.scale[:, None]  # [S, T, K, 2, 2]
    angle = np.degrees(np.arctan2(linear[..., 1, 0], linear[..., 0, 0]))
    scale = np.hypot(linear[..., 0, :], linear[..., 1, :])
    visibility = poses.visibility(pose).double().numpy().clip(0, 1)
    spread = np.sqrt(np.square(place - place.mean(0)).sum(-1).mean(0))  # [T, K]
    by_number = sorted((int(number), slot) for slot, number in enumerate(found) if number != NOBODY)
    for t in range(store.num_frames):
        is_seen = t < store.num_given
        for number, slot in by_number:
            for s in [0] if is_seen else samples:
                name, shown = None if is_seen else s, visibility[s, t, slot]
                drawn = outlines.get((i, name, t, slot))
                if is_drawn:
                    box = drawn.box if drawn else None
                else:
                    box = _square(store, clip, place[s, t, slot], linear[s, t, slot]) if shown > IN_VIEW else None
                yield Point(
                    t, number, slot, tuple(place[s, t, slot].tolist()), box, float(angle[s, t, slot]),
                    tuple(scale[s, t, slot].tolist()), float(shown), name,
                    None if is_seen or store.num_samples == 1 else float(spread[t, slot]), drawn,
                )


def _square(
    store: CodeStore, clip: Clip, place: np.ndarray, linear: np.ndarray,
) -> tuple[float, float, float, float] | None:
    """The box of a typical object's square there, as far as it lies in the frame; None where it does not."""
    if store.object_px is None:
        return None
    reach = np.abs(linear).sum(-1) * store.object_px / 2
    low, high = clip.view.places(np.zeros(2)), clip.view.places(np.array([clip.view.form.width, clip.view.form.height]))
    start, stop = np.maximum(place - reach, low), np.minimum(place + reach, high)
    return (*start.tolist(), *(stop - start).tolist()) if (start < stop).all() else None
