"""The form of a frame."""

from typing import Literal

from pydantic import Field

from pipeline.params import Params

Crop = Literal["center", "none"]
ALIKE_FPS = 0.02
"""Share by which rates may differ by rounding, or as the clocks of phones do."""
FPS_IF_UNKNOWN = 10.0
"""Frames per second of what nobody knows the rate of."""


class FrameFormat(Params):
    """The form into which every frame is brought."""

    height: int = Field(ge=8, le=8192)
    """px."""
    width: int = Field(ge=8, le=8192)
    """px."""
    crop: Crop
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


class Preparation(Params):
    """How the frames were prepared that a model learned from: part of its weights, so that new videos can be brought to
    the same."""

    crop: Crop = "center"
    """What is done to other proportions, see FrameFormat."""
    fps: float | None = Field(default=None, gt=0)
    """Frames per second; null: nobody knows, as of pictures and arrays."""

    def form(self, height: int, width: int, num_channels: int) -> FrameFormat:
        """The form of these frames; fps null where nobody knows the rate."""
        return FrameFormat(
            height=height, width=width, crop=self.crop, color="gray" if num_channels == 1 else "rgb", fps=self.fps,
            fps_if_unknown=self.fps or FPS_IF_UNKNOWN,
        )
