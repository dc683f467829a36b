"""Latents: what the autoencoder makes of a clip and the predictor continues. The contract between the two models.

Legend: B batch, T frames, K slots; D_* feature sizes.

time-independent                       time-varying
  background  [B, D_background]          camera  [B, T, C]       motion and light of the background, components CAMERA
  appearance  [B, K, D_appearance]       pose    [B, T, K, P]    per object, components POSE
  presence    [B, K]  in [0, 1]
  depth       [B, K]  larger = nearer      detail  [B, T, D_detail]  what the layers leave over of the frame
                                         deformation  [B, T, K, D_deformation]  and of each object's picture
detail and deformation may be of width 0.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from pydantic import Field
from torch import Tensor

from pipeline.params import Params

POSE = ("x", "y", "log_scale", "visibility")
"""x, y: the object's centre in px from the frame's left and top edge; log_scale: natural log of its size relative to
the object patch; visibility: 1 in view, 0 hidden or out of the frame."""
POSE_UNITS = ("px", "px", "ln(1)", "1")
CAMERA = ("x", "y", "log_zoom", "gain", "brightness")
"""x, y: where the frame's middle lies on the background, px from that one's middle; log_zoom: natural log of how much the
frame enlarges it. Poses are places in the frame, whatever the camera does. A frame shows gain * background + brightness where
no object is, on the [0, 1] scale."""
CAMERA_UNITS = ("px", "px", "ln(1)", "1", "1")
NUM_CAMERA_MOVING = CAMERA.index("gain")
"""Components of the camera, the first ones, that are motion; the others are light."""

DIMS = {
    "background": ("background_code",),
    "appearance": ("slot", "appearance_code"),
    "presence": ("slot",),
    "depth": ("slot",),
    "camera": ("time", "camera_component"),
    "pose": ("time", "slot", "pose_component"),
    "detail": ("time", "detail_code"),
    "deformation": ("time", "slot", "deformation_code"),
}
"""Axes of every code after the batch axis, named as in the latent store."""
TIME_VARYING = tuple(name for name, dims in DIMS.items() if "time" in dims)
TIME_INDEPENDENT = tuple(name for name in DIMS if name not in TIME_VARYING)


class LatentSpec(Params):
    """Sizes of the codes of one autoencoder, and the frames they describe."""

    num_slots: int = Field(ge=1)
    background_dim: int = Field(ge=1)
    appearance_dim: int = Field(ge=1)
    height: int = Field(ge=1)
    """Frame height, px."""
    width: int = Field(ge=1)
    """Frame width, px."""
    detail_dim: int = Field(0, ge=0)
    deformation_dim: int = Field(0, ge=0)

    def shape(self, name: str, num_frames: int) -> tuple[int, ...]:
        """Shape of one clip's code `name`, without the batch axis."""
        sizes = {
            "background_code": self.background_dim, "appearance_code": self.appearance_dim, "slot": self.num_slots,
            "time": num_frames, "camera_component": len(CAMERA), "pose_component": len(POSE),
            "detail_code": self.detail_dim, "deformation_code": self.deformation_dim,
        }
        return tuple(sizes[dim] for dim in DIMS[name])

    @property
    def names(self) -> tuple[str, ...]:
        """The codes that have any width: stores hold these alone."""
        return tuple(name for name in DIMS if 0 not in self.shape(name, 1))

    def floats_per_frame(self, num_frames: int) -> float:
        """Numbers kept per frame of a clip of `num_frames`: the time-varying ones plus the share of the others."""
        count = {name: torch.Size(self.shape(name, 1)).numel() for name in DIMS}
        return sum(count[name] / (1 if name in TIME_VARYING else num_frames) for name in DIMS)


@dataclass(frozen=True)
class Latents:
    """One batch of clips in codes; every field float32, shaped as the module's head says."""

    background: Tensor
    appearance: Tensor
    presence: Tensor
    depth: Tensor
    camera: Tensor
    pose: Tensor
    detail: Tensor | None = None
    """None stands for width 0."""
    deformation: Tensor | None = None
    """None stands for width 0."""

    def __post_init__(self):
        for name, num_axes in (("detail", 2), ("deformation", 3)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self.pose.new_zeros(*self.pose.shape[:num_axes], 0))

    @property
    def num_frames(self) -> int:
        return self.pose.shape[1]

    def items(self) -> dict[str, Tensor]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def map(self, function: Callable[[Tensor], Tensor]) -> "Latents":
        """Applies `function` to every code."""
        return Latents(**{name: function(code) for name, code in self.items().items()})

    def to(self, device: torch.device) -> "Latents":
        return self.map(lambda code: code.to(device))

    def frames(self, start: int, stop: int) -> "Latents":
        """The same clips cut to the frames start <= t < stop; the time-independent codes stay as they are."""
        return Latents(**{n: c[:, start:stop] if n in TIME_VARYING else c for n, c in self.items().items()})

    def append(self, **codes: Tensor) -> "Latents":
        """With further frames of every time-varying code."""
        return self.replace(**{name: torch.cat([self.items()[name], codes[name]], 1) for name in TIME_VARYING})

    def replace(self, **codes: Tensor) -> "Latents":
        return Latents(**{**self.items(), **codes})

    def check(self, spec: LatentSpec) -> "Latents":
        """Returns self; AssertionError where a shape is not the spec's."""
        for name, code in self.items().items():
            wanted = (self.pose.shape[0], *spec.shape(name, self.num_frames))
            assert tuple(code.shape) == wanted, f"{name}: wanted {wanted}, got {tuple(code.shape)}"
        return self


def concatenate(batches: list[Latents]) -> Latents:
    """Joins batches along the batch axis."""
    return Latents(**{name: torch.cat([batch.items()[name] for batch in batches]) for name in DIMS})
