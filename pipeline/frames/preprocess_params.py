"""Parameters of stage preprocess."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pipeline.frames.damage import OnDamage
from pipeline.frames.frame_format import FrameFormat
from pipeline.params import Params

ArrayLayout = Literal[
    "video_time", "time_video", "THW", "HWT", "THWC", "TCHW", "CTHW", "HWCT", "NTHW", "TNHW", "NTHWC", "NTCHW", "NCTHW",
    "TNHWC", "TNCHW",
]
"""Axes of an array: the first two, or all of them (N videos, T time, H height, W width, C channels)."""


def _expanded(path: Path) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as error:  # nobody is called so
        raise ValueError(f"the home directory in {path} cannot be found; write the whole path") from error


def _expression(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern} is no regular expression ({error}); correct it, or null") from error
    return pattern


def _grouping(pattern: str) -> str:
    if not re.compile(_expression(pattern)).groups:
        raise ValueError(f"{pattern} has no group; put what clips of one recording share in parentheses, or null")
    return pattern


class DigitParams(Params):
    """Moving digits made of pictures of single ones."""

    num_videos: int = Field(ge=1)
    """Made of each file of digits."""
    num_frames: int = Field(ge=2)
    """Frames of a video."""
    num_digits: int = Field(ge=1)
    """Digits in a video."""
    frame_px: int = Field(ge=8, le=4096)
    """Side of a frame before it is resized."""
    seed: int = Field(ge=0)
    """Decides which digits fly where."""


class PreprocessParams(FrameFormat):
    """Which videos are read, in which form, and who learns from which."""

    source: Annotated[Path, AfterValidator(_expanded)]
    """A folder (nested or not) of videos, of folders of pictures, of arrays (.npy, .npz), of HDF5 or TFRecord files;
    one such file; digits (idx files). ~ is the home directory."""
    array_layout: ArrayLayout | None
    """Arrays, also in HDF5: whether the axis of videos comes first (video_time) or that of time (time_video, Moving
    MNIST), with channels where the shape shows them; or a letter for each axis. null: as the shape says (of HDF5,
    videos come first), refused where it does not."""
    array_name: str | None = Field(default=None, min_length=1)
    """Arrays only: the names of those that are videos, * standing for anything: of .npy the file's; in .npz and HDF5
    the name or path inside, with or without the file's before it. null: the only one that can be, or several that
    differ only in numbers and words for splits."""
    pictures: str | None = Field(default=None, min_length=1)
    """Folders of several kinds of pictures only: the names of those that are frames, * standing for anything. null:
    all, which may then differ in nothing but their number."""
    digits: DigitParams
    """Sources of single digits only: the videos made of them."""
    tfrecord_feature: str = Field(pattern=r"^([^{}]+|[^{}]*\{\}[^{}]*)$")
    """TFRecord files only: the name of the feature that holds a frame, {} standing for its number; without {}, of the
    one that holds all frames."""
    sequence_length: int = Field(ge=2)
    """Frames of a sequence, a row of the store."""
    sequence_stride: int | None = Field(ge=1)
    """Frames from the start of one sequence to the start of the next; null: the length. Where it is shorter sequences
    overlap, but those of different splits share no frame, nor do the clips that are forecast and judged."""
    split: Literal["random", "published"]
    """random: by the fractions; published: by the words train, val and test in the videos' names (folders, files, parts
    of HDF5 files). Without val, val_fraction of train is taken; without test, test_fraction."""
    val_fraction: float = Field(gt=0, lt=1)
    """Share of the videos (with fewer than three: of the time) that validates; at least one."""
    test_fraction: float = Field(gt=0, lt=1)
    """Share that tests; at least one."""
    seed: int = Field(ge=0)
    """Decides which videos go where."""
    group: Annotated[str, AfterValidator(_grouping)] | None = None
    """Regular expression that is searched in the videos' names. What its first group is of a name says what the video
    belongs to, a recording, say, or a person: videos of one group go to the same split. null: each may go anywhere."""
    test_names: Annotated[str, Field(min_length=1), AfterValidator(_expression)] | None = None
    """With `split: published` only: a regular expression that is searched in the videos' names. Videos in which it is
    found test, the others train (val_fraction of them validates), whatever else the names say. null: as the words
    say."""
    on_damage: OnDamage = "stop"
    """What becomes of videos that cannot be decoded, or not to their end; each is named. stop: refuse, once all are
    known; skip: leave out what comes after the damage; keep: go on with what FFmpeg makes of it, and count what it
    guessed. What cannot be played at all is left out by skip and keep."""

    @property
    def reading(self) -> tuple[ArrayLayout | None, DigitParams, str | None, str | None, str | None]:
        """What says which files are videos and how they are read, in the order in which `open_source` takes it."""
        return self.array_layout, self.digits, self.tfrecord_feature, self.pictures, self.array_name

    @model_validator(mode="after")
    def _test_names_are_published(self) -> Self:
        if self.test_names is not None and self.split != "published":
            raise ValueError("test_names says which videos test, split: random draws them; write split: published")
        return self

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, values: Any) -> Any:
        if isinstance(values, dict) and "skip_unreadable" in values:
            instead = "skip" if values["skip_unreadable"] is True else "stop"
            raise ValueError(f"skip_unreadable is on_damage now (stop, skip or keep); write on_damage: {instead}")
        return values
