"""Latents: what the autoencoder makes of a clip and the predictor continues. The contract between the two models.

Legend: B batch, T frames, K slots, C camera components, P pose components; D_* feature sizes. The codes are those of
the table `codes.CODES`:

time-independent                       time-varying
  background  [B, D_background]          camera  [B, T, C]       motion and light of the background, see camera_code
  appearance  [B, K, D_appearance]       pose    [B, T, K, P]    where each object is, see pose
  presence    [B, K]  in [0, 1]          motion  [B, T, D_motion]  what shows beside where the layers draw it
  depth       [B, K]  larger = nearer    detail  [B, T, D_detail]  what they leave over of the frame
                                         deformation  [B, T, K, D_deformation]  and of each object's picture

motion, detail and deformation may be of width 0.
"""

from collections.abc import Callable

import torch
from pydantic import Field
from torch import Tensor

from pipeline.latents.codes import CODES, Code, time_varying
from pipeline.params import Params


class LatentSpec(Params):
    """Sizes of the codes of one autoencoder, and the frames they describe."""

    num_slots: int = Field(ge=1)
    background_dim: int = Field(ge=1)
    appearance_dim: int = Field(ge=1)
    height: int = Field(ge=1)
    """Frame height, px."""
    width: int = Field(ge=1)
    """Frame width, px."""
    motion_dim: int = Field(0, ge=0)
    detail_dim: int = Field(0, ge=0)
    deformation_dim: int = Field(0, ge=0)

    def width_of(self, code: Code) -> int:
        """How many numbers a code has, of each frame and object it is of."""
        if code.width is None:
            return 1
        return getattr(self, code.width) if isinstance(code.width, str) else code.width

    def shape(self, name: str, num_frames: int) -> tuple[int, ...]:
        """Shape of one clip's code `name`, without the batch axis."""
        code = CODES[name]
        sizes = {"time": num_frames, "slot": self.num_slots}
        return tuple(sizes.get(dim, self.width_of(code)) for dim in code.dims)

    @property
    def names(self) -> tuple[str, ...]:
        """The codes that have any width: stores hold these alone."""
        return tuple(name for name, code in CODES.items() if self.width_of(code))

    def floats_per_frame(self, num_frames: int) -> float:
        """Numbers kept per frame of a clip of `num_frames`: the time-varying ones plus the share of the others."""
        count = {name: torch.Size(self.shape(name, 1)).numel() for name in CODES}
        return sum(count[name] / (1 if code.varies else num_frames) for name, code in CODES.items())


class Latents:
    """A batch of clips as codes; each code is an attribute, float32 and shaped as the module's head says. Latents never
    change: `replace` makes others."""

    background: Tensor
    appearance: Tensor
    presence: Tensor
    depth: Tensor
    camera: Tensor
    pose: Tensor
    motion: Tensor
    detail: Tensor
    deformation: Tensor

    def __init__(self, **codes: Tensor):
        """codes: by name; what is left out is of width 0. Raises TypeError for a name that is not in the table."""
        if unknown := codes.keys() - CODES.keys():
            raise TypeError(f"codes that are not in the table: {', '.join(sorted(unknown))}")
        like = codes["pose"]
        sizes = {"time": like.shape[1], "slot": like.shape[2]}
        self.codes: dict[str, Tensor] = {}
        """All codes by name, in the order of the table."""
        for name, code in CODES.items():
            if name in codes:
                self.codes[name] = codes[name]
            else:
                self.codes[name] = like.new_zeros(len(like), *(sizes.get(dim, 0) for dim in code.dims))

    def __getattr__(self, name: str) -> Tensor:
        # only of names that Python does not find otherwise; `codes` itself is not there yet while a copy is made
        if name == "codes" or name not in self.codes:
            raise AttributeError(name)
        return self.codes[name]

    def __len__(self) -> int:
        return len(self.pose)

    @property
    def num_frames(self) -> int:
        return self.pose.shape[1]

    def map(self, function: Callable[[Tensor], Tensor]) -> "Latents":
        """Applies `function` to every code."""
        return Latents(**{name: function(code) for name, code in self.codes.items()})

    def map_frames(self, function: Callable[[Tensor], Tensor]) -> "Latents":
        """Applies `function` to every time-varying code; the others stay as they are."""
        return self.replace(**{code.name: function(self.codes[code.name]) for code in time_varying()})

    def to(self, device: torch.device) -> "Latents":
        return self.map(lambda code: code.to(device))

    def frames(self, start: int, stop: int) -> "Latents":
        """The same clips cut to the frames start <= t < stop; the time-independent codes stay as they are."""
        return self.map_frames(lambda code: code[:, start:stop])

    def append(self, **codes: Tensor) -> "Latents":
        """These latents followed by further frames of every time-varying code; codes of width 0 may be left out."""
        num_further, longer = codes["pose"].shape[1], {}
        for code in time_varying():
            known = self.codes[code.name]
            assert code.name in codes or not known.shape[-1], f"{code.name}: no further frames"
            further = codes.get(code.name, known.new_zeros(len(known), num_further, *known.shape[2:]))
            longer[code.name] = torch.cat([known, further], 1)
        return self.replace(**longer)

    def replace(self, **codes: Tensor) -> "Latents":
        return Latents(**{**self.codes, **codes})

    def check(self, spec: LatentSpec) -> "Latents":
        """Returns self; AssertionError where a shape is not the spec's."""
        for name, code in self.codes.items():
            wanted = (len(self), *spec.shape(name, self.num_frames))
            assert tuple(code.shape) == wanted, f"{name}: wanted {wanted}, got {tuple(code.shape)}"
        return self


def concatenate(batches: list[Latents]) -> Latents:
    """Joins batches along the batch axis."""
    return Latents(**{name: torch.cat([batch.codes[name] for batch in batches]) for name in CODES})
