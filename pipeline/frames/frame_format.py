"""The form of a frame."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params


class FrameFormat(Params):
    """The form into which every frame is brought."""

    height: int = Field(ge=8, le=8192)
    """px."""
    width: int = Field(ge=8, le=8192)
    """px."""
    crop: Literal["center", "none"]
    """center: keep the proportions and cut off both sides alike; none: keep everything and change the proportions."""
    color: Literal["rgb", "gray"]
    """Three channels or one (luma)."""
    fps: float | None = Field(gt=0, le=1000)
    """Frames per second wanted: frames are dropped or repeated, each moment showing the latest frame. null: all as
    is."""
    fps_if_unknown: float = Field(gt=0, le=1000)
    """Frames per second of pictures and arrays, which do not say."""

    @property
    def num_channels(self) -> int:
        return 3 if self.color == "rgb" else 1
