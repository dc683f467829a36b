"""Where the frames of a store lie in its source: undoes crop, resizing and resampling, by what the store says of its
source (see about_source)."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import UserError
from pipeline.frames.frame_format import FrameFormat, Preparation
from pipeline.frames.frame_store import ABOUT, SOURCE_GROUPS
from pipeline.frames.read_video import JUST_BEFORE
from pipeline.frames.shape_pixels import covering_shape

_DIGITS = 1e-5
"""Share by which rates may differ for the digits that a text has alone."""


@dataclass(frozen=True)
class SourceView:
    """How one video's frames lie in its source. Places are (x, y) px from the left and top edges."""

    height: int
    """px of the source's frames as they are shown."""
    width: int
    fps: float
    """The source's frames in a second, on average."""
    stored_fps: float
    """The store's frames in a second."""
    form: FrameFormat
    gaps: tuple[tuple[int, float], ...] = ()
    """Gaps in the source's clock: the store's frame after each, and its seconds."""

    @property
    def corner(self) -> np.ndarray:
        """(x, y) of the frame's corner in the scaled source, whose left and top were cut off, px of the frame: [2]."""
        return np.array(covering_shape(self.height, self.width, self.form)[:1:-1], float)

    @property
    def scale(self) -> np.ndarray:
        """px of the source in one px of the frame, along x and y: [2]."""
        scaled_height, scaled_width, *_ = covering_shape(self.height, self.width, self.form)
        return np.array([self.width / scaled_width, self.height / scaled_height])

    def places(self, place: np.ndarray) -> np.ndarray:
        """Where places [..., 2] px of the frame lie in the source, px."""
        return (place + self.corner) * self.scale

    def frames(self, indices: np.ndarray) -> np.ndarray:
        """The source's frames, int [n] from 0, that the store's frames [n] of the video show. Where frames were
        resampled, exact if the source's rate does not vary and its clock has no gap; a container that rounds time
        stamps may make one of a tie the next."""
        ratio = self.fps / self.stored_fps
        if math.isclose(ratio, 1, rel_tol=_DIGITS):
            return indices.astype(np.int64)
        return np.floor((indices + JUST_BEFORE) * ratio).astype(np.int64)

    def times(self, indices: np.ndarray) -> np.ndarray:
        """Seconds [n] from the source's first frame to the store's frames [n]; after a gap right within a step."""
        gaps = sum((indices >= frame) * (seconds - 1 / self.fps) for frame, seconds in self.gaps)
        return indices / self.stored_fps + gaps


def source_views(path: Path, attributes: Mapping[str, Any]) -> Callable[[str], SourceView]:
    """A function from a video's name to its view, for the store at `path`, which has these attributes. Raises
    UserError, at once or for a video, when the store does not say how its frames lie in the source."""
    unknown = UserError(
        f"{path}: does not say how its frames lie in the source ({', '.join(ABOUT)}); write it anew, from the frames on"
    )
    try:
        crop = str(attributes["source_crop"]).partition(":")[0]
        form = Preparation.model_validate({"crop": crop}).form(attributes["height"], attributes["width"], 3)
        if SOURCE_GROUPS in attributes:
            groups = json.loads(attributes[SOURCE_GROUPS])
        else:
            height, width, fps = (float(str(attributes[f"source_{name}"]).removesuffix(f" {unit}")) for name, unit in
                                  (("height", "px"), ("width", "px"), ("fps", "frames/s")))
            groups = [{"height": int(height), "width": int(width), "fps": fps, "stored_fps": attributes["fps"]}]
        of_all = None
        of_video: dict[str, SourceView] = {}
        for group in groups:
            names, gaps = group.pop("videos", None), group.pop("gaps", ())
            view = SourceView(**group, form=form, gaps=tuple(map(tuple, gaps)))
            of_all = view if names is None else of_all
            of_video |= dict.fromkeys(names or (), view)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        raise unknown from error

    @cache
    def find(video: str) -> SourceView:
        if (found := of_video.get(video, of_all)) is None:
            raise unknown
        return found

    return find
