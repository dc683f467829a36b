"""Parameters of stage preprocess."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from pipeline.frames.frame_format import FrameFormat

ArrayLayout = Literal["video_time", "time_video"]
"""Order of the first two axes of an array source; Moving MNIST is time_video."""


class PreprocessParams(FrameFormat):
    """Which videos are read, in which form, and who learns from which."""

    source: Path
    """A folder of videos (nested or not) or of folders of pictures, a video file, or an array (.npy, .npz)."""
    array_layout: ArrayLayout | None
    """Arrays only: whether the axis of videos comes first (video_time) or that of time (time_video, Moving MNIST)."""
    sequence_length: int = Field(ge=2)
    """Frames of a sequence, a row of the store."""
    sequence_stride: int | None
    """Frames from the start of one sequence to the start of the next; null: the length. Sequences share no frame."""
    val_fraction: float = Field(gt=0, lt=1)
    """Share of the videos (with fewer than three: of the time) that validates; at least one."""
    test_fraction: float = Field(gt=0, lt=1)
    """Share that tests; at least one."""
    seed: int = Field(ge=0)
    """Decides which videos go where."""
    skip_unreadable: bool
    """Leave out videos that cannot be decoded, naming each, instead of stopping."""

    @model_validator(mode="after")
    def _no_shared_frames(self):
        if self.sequence_stride is not None and self.sequence_stride < self.sequence_length:
            raise ValueError("sequence_stride is shorter than sequence_length; wanted at least as long, or null")
        return self
