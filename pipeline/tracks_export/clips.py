"""The sequences or clips of a store of codes, video by video, and where their frames lie in the source.

Legend: S samples, T frames, K slots.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.source_view import SourceView, source_views
from pipeline.inspection.facts import StoreFacts, has_codes
from pipeline.latents.latent_store import LatentStore, open_latents, open_predicted_latents
from pipeline.latents.latents import Latents


@dataclass(frozen=True)
class Clip:
    """A row of the store; frames and seconds [T] are those of the source."""

    row: int
    video: str
    first_frame: int
    """First frame as the store counts; together with the video it names the clip."""
    view: SourceView
    frame: np.ndarray
    time: np.ndarray
    is_new: np.ndarray
    """bool [T]: the first of the video's clips, and of a clip's frames, that shows this frame of the source. Where
    sequences overlap or frames were repeated, others show it again."""
    after_gap: bool
    """Whether the source's clock leaps just before it, so that nothing goes on from the frame before."""
    is_wanted: bool
    """Not there for the numbers of its objects alone."""


class CodeStore:
    """A store of latents or predicted latents, alike."""

    def __init__(self, facts: StoreFacts):
        """Raises UserError when it is of frames, damaged, or does not say how its frames lie in the source."""
        if not has_codes(facts):
            raise UserError(f"{facts.path}: wanted latents or predicted latents to export, found {facts.kind}")
        self.facts = facts
        self._store = open_latents(facts.path) if facts.kind == "latents" else open_predicted_latents(facts.path)
        self._view_of = source_views(facts.path, facts.group.attrs)
        if isinstance(self._store, LatentStore):
            self.num_samples, self.num_given, self.num_frames = 1, self._store.num_frames, self._store.num_frames
        else:
            self.num_samples, self.num_given = self._store.num_samples, self._store.context_frames
            self.num_frames = self.num_given + self._store.horizon
        # num_given: of a clip's frames the first ones, that were seen; the others were forecast
        self.object_px: float | None = facts.attributes.get("object_px_at_log_scale_0")
        """Width of an object at log_scale 0, px; None: not known."""

    def read(self, clips: list[Clip]) -> Latents:
        """The samples of the clips, side by side: batch axis n * S. Raises UserError when they are damaged on disk."""
        return self._store.read(np.array([clip.row for clip in clips]))

    def clips(self, wanted: np.ndarray | None = None) -> Iterator[Clip]:
        """All of the videos of the wanted rows (None: all), by name and time."""
        videos, first_frames = self._store.video_id, self._store.first_frame
        is_wanted = np.full(len(videos), wanted is None)
        if wanted is not None:
            is_wanted[wanted] = True
        with_wanted, before, shown_until = set(videos[is_wanted].tolist()), None, -1
        for row in np.lexsort([first_frames, videos]).tolist():
            video = str(videos[row])
            if video not in with_wanted:
                continue
            if video != before:
                before, shown_until = video, -1
            view, indices = self._view_of(video), int(first_frames[row]) + np.arange(self.num_frames)
            frame = view.frames(indices)
            is_new = frame > np.maximum.accumulate([shown_until, *frame[:-1].tolist()])
            if is_wanted[row]:
                shown_until = max(shown_until, int(frame[-1]))
            after_gap = any(start == indices[0] for start, _ in view.gaps)
            yield Clip(row, video, int(first_frames[row]), view, frame, view.times(indices), is_new, after_gap,
                       bool(is_wanted[row]))
