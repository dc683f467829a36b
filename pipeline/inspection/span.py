"""Which rows of a store are drawn: one sequence or clip of a video, or all of it in a row."""

import re
from dataclasses import dataclass

import numpy as np

from pipeline import zarr_io
from pipeline.errors import UserError
from pipeline.inspection.facts import StoreFacts, find_rows


@dataclass(frozen=True)
class Span:
    """Rows of one video."""

    facts: StoreFacts
    rows: np.ndarray
    """int [n], in the order of their frames."""

    @property
    def video(self) -> str:
        return str(self.facts.labels("video_id")[self.rows[0]])

    @property
    def first_frames(self) -> list[int]:
        """[n] counted in the video."""
        return self.facts.labels("first_frame")[self.rows].tolist()

    @property
    def store(self) -> str:
        """What the store is called where several are drawn; two of one name are told apart by their content."""
        return f"{self.facts.path.stem} {self.facts.identity[:8]}"

    @property
    def title(self) -> str:
        if len(self.rows) == 1:
            return f"{self.video} from frame {self.first_frames[0]}"
        kind = "clips" if self.facts.kind.startswith("predicted") else "sequences"
        return f"{self.video}, {len(self.rows)} {kind} from frame {self.first_frames[0]}"

    def frames(self) -> tuple[int, int]:
        """The first frame of the video that these rows are about, and the one after the last."""
        return self.first_frames[0], self.first_frames[-1] + num_frames(self.facts)


def num_frames(facts: StoreFacts) -> int:
    """Frames of a row, given ones included."""
    if "time" in facts.group:
        return int(zarr_io.read_rows(facts.group, "time").max()) + 1
    return next(array.shape[array.dims.index("time")] for array in facts.arrays if "time" in array.dims)


def span_of(facts: StoreFacts, name: str) -> Span:
    """The rows called VIDEO or VIDEO:FIRST_FRAME. Raises UserError when there are none."""
    return Span(facts, find_rows(facts, name))


def beside(span: Span, facts: StoreFacts) -> Span:
    """The rows of another store that are about the same frames, at least in part. Raises UserError when there are
    none, or the stores hold the same."""
    if facts.identity == span.facts.identity:
        raise UserError(f"{facts.path}: holds the same as {span.facts.path}; name another store with --compare")
    (start, stop), first = span.frames(), facts.labels("first_frame")
    is_there = (facts.labels("video_id") == span.video) & (first < stop) & (first + num_frames(facts) > start)
    rows = np.flatnonzero(is_there)
    if not len(rows):
        raise UserError(f"{facts.path}: has no frames of {span.title}, so there is nothing to set beside "
                        f"{span.facts.path}; name a video that both have, or leave out --compare")
    return Span(facts, rows[first[rows].argsort(kind="stable")])


def file_name(spans: list[Span]) -> str:
    """A name for pictures of these spans, the first one's frames: other stores, videos or frames give another one."""
    stores = "_and_".join(span.store.replace(" ", "_") for span in spans)
    start, stop = spans[0].frames()
    frames = f"{start}" if len(spans[0].rows) == 1 else f"{start}_to_{stop - 1}"
    # what a file's name cannot hold stands as its number, so that two names never become one
    return re.sub(r"[^\w.-]", lambda found: f"%{ord(found[0]):02X}", f"{stores}_{spans[0].video}_{frames}")
