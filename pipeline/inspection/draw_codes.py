"""Pictures of the codes of a sequence, of several in a row, or of those that two stores have of the same frames.

Legend: S samples, T frames, K slots.
"""

from dataclasses import replace

import numpy as np
import torch

from pipeline.autoencoder.autoencoder import Autoencoder
from pipeline.inspection.span import Span
from pipeline.latents import pose as poses
from pipeline.latents.latent_store import open_latents, open_predicted_latents
from pipeline.latents.matching import same_objects
from pipeline.pictures.grid import Color
from pipeline.pictures.layers import Layers, join_layers, layers_of_clip, slot_color
from pipeline.pictures.sheets import layers_sheet
from pipeline.pictures.tracks import Tracks, overlay_sheet
from pipeline.pictures.trajectories import Course
from pipeline.spacing import evenly_spaced
from pipeline.thresholds import IN_VIEW, PRESENT

UNMATCHED: Color = (150, 150, 150)
"""Colour of an object that the first store lacks."""
_MOST_DRAWN = 8
"""Sequences of a video of which a frame is shown."""


def courses(span: Span) -> list[Course]:
    """What every row of a store of latents or predicted latents holds. Raises UserError when it is damaged."""
    store = (open_latents if span.facts.kind == "latents" else open_predicted_latents)(span.facts.path)
    num_given = span.facts.attributes.get("context_frames")
    pairs = zip(span.rows.tolist(), span.first_frames, strict=True)
    return [Course(store.read(np.array([row])), first, num_given) for row, first in pairs]


def in_colors_of(first: list[Course], second: list[Course]) -> list[Course]:
    """The second store's courses, drawn in the colours of those slots of the first that hold the same objects."""
    matched = []
    for course in second:
        beside = max(first, key=lambda other: _common(course, other)[1] - _common(course, other)[0])
        start, stop = _common(course, beside)
        here, there = (
            x.latents.map(lambda code: code[:1]).frames(start - x.first_frame, stop - x.first_frame)
            for x in (course, beside)
        )
        matched.append(replace(course, drawn_as=same_objects(here, there)[0].tolist() if stop > start else None))
    return matched


@torch.inference_mode()
def tracks(model: Autoencoder, stores: dict[str, list[Course]], title: str) -> np.ndarray:
    """Where objects go, over the middle frame of each sequence of the first store as decoded from its codes."""
    first, columns = next(iter(stores.values())), []
    for i in evenly_spaced(len(first), _MOST_DRAWN).tolist():
        start, stop = first[i].first_frame, first[i].first_frame + first[i].latents.num_frames
        frame = _decoded(model, first[i]).frames[first[i].latents.num_frames // 2]
        there = {name: [course for course in own if course is first[i] or own is not first and
                        start <= course.first_frame < stop] for name, own in stores.items()}
        columns.append((f"from frame {start}", frame, {name: _tracks(own) for name, own in there.items()}))
    return overlay_sheet(columns, "decoded from codes", title)


@torch.inference_mode()
def layers(model: Autoencoder, own: list[Course], title: str) -> np.ndarray:
    """What the codes of a sequence (of several samples the first) are decoded to, nothing mixed to it; of several
    sequences the middle frame of each."""
    if len(own) == 1:
        return layers_sheet(None, _decoded(model, own[0]), title, own[0].num_given)
    chosen = [own[i] for i in evenly_spaced(len(own), _MOST_DRAWN)]
    middles = [course.latents.num_frames // 2 for course in chosen]
    parts = [_decoded(model, course).map(lambda images: images[t:t + 1])  # noqa: B023, called at once
             for course, t in zip(chosen, middles, strict=True)]
    numbers = [f"frame {course.first_frame + t}" for course, t in zip(chosen, middles, strict=True)]
    return layers_sheet(None, join_layers(parts), title, labels=numbers)


def _common(one: Course, other: Course) -> tuple[int, int]:
    """Frames of the video that both have seen, not forecast: from, to."""
    ends = [course.first_frame + (course.num_given or course.latents.num_frames) for course in (one, other)]
    return max(one.first_frame, other.first_frame), min(ends)


def _decoded(model: Autoencoder, course: Course) -> Layers:
    return layers_of_clip(model.eval().decode(course.latents.map(lambda code: code[:1])), 0)


def _tracks(own: list[Course]) -> Tracks:
    """Tracks of courses one after the other, each with slots of its own."""
    num_frames, start = sum(course.latents.num_frames for course in own), 0
    place, in_view = [np.zeros((num_frames, 0, 2))], [np.zeros((num_frames, 0), bool)]
    colors: list[Color] = []
    for course in own:
        pose, K = course.latents.pose[0].numpy(), course.latents.presence.shape[1]
        seen = (poses.visibility(pose) > IN_VIEW) & (course.latents.presence[0].numpy() > PRESENT)
        after = num_frames - start - len(pose)
        place.append(np.pad(poses.place(pose), ((start, after), (0, 0), (0, 0))))
        in_view.append(np.pad(seen, ((start, after), (0, 0))))
        slots = [course.slot_drawn(slot) for slot in range(K)]
        colors += [slot_color(slot) if slot >= 0 else UNMATCHED for slot in slots]
        start += len(pose)
    return Tracks(np.concatenate(place, 1), np.concatenate(in_view, 1), colors)
