"""The table of codes: what the autoencoder makes of a clip, one entry per code, and all that others need to know of it.

Stores, predictor, augmentation, exchanges, inspection and report loop over CODES. A new code is one more entry, and the
model that makes and draws it; a width that differs from model to model is a field of LatentSpec.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

from pipeline.latents import camera_code, pose

Owner = Literal["scene", "object"]
Belonging = Literal["background", "looks", "track"]
"""What a code goes along with when parts of clips are exchanged: the background and its light, what an object looks
like, or who is where and when."""
Continuation = Literal["line", "held", "damped"]
"""How a number goes on where nothing was learned: along its line, as it was last, or along a line that flattens out."""


@dataclass(frozen=True)
class Code:
    """One code of a clip; shaped [B, T if it varies, K if an object owns it, numbers if it has a width]."""

    name: str
    description: str
    owner: Owner
    belongs_to: Belonging
    width: str | int | None
    """Numbers: a field of LatentSpec, or always so many; None: one, without an axis of its own."""
    varies: bool = False
    """Whether it changes from frame to frame."""
    components: tuple[str, ...] = ()
    """What each number is called; numbers without names all mean the same kind of thing."""
    units: tuple[str, ...] = ("1",)
    """Of each component, or of all numbers."""
    goes_on: tuple[Continuation, ...] = ("held",)
    """Of each component, or of all numbers; of codes that vary alone."""
    mirrored: Callable[[Tensor, int, float], Tensor] | None = None
    """(code, axis, length of the frame along it, px) -> the code of the clip in a mirror: left and right exchanged
    (axis 0), or top and bottom (1); None: the same."""
    transposed: Callable[[Tensor], Tensor] | None = None
    """The code of the clip with x and y exchanged; None: the same."""
    backwards: Callable[[Tensor], Tensor] = lambda code: code.flip(1)
    """The code of the clip run backwards; of codes that vary alone."""

    @property
    def dims(self) -> tuple[str, ...]:
        """Its axes after the batch axis, as the latent store names them."""
        numbers = f"{self.name}_component" if self.components else f"{self.name}_code"
        wanted = {"time": self.varies, "slot": self.owner == "object", numbers: self.width is not None}
        return tuple(dim for dim, there in wanted.items() if there)


_ENTRIES = (
    Code("background", "what the background looks like", "scene", "background", "background_dim"),
    Code("appearance", "what the object in a slot looks like", "object", "looks", "appearance_dim"),
    Code("presence", "1 where the slot holds an object, 0 where it is empty", "object", "track", None),
    Code("depth", "order of the objects, larger is nearer", "object", "track", None),
    Code(
        "camera", "motion and light of the background", "scene", "background", len(camera_code.COMPONENTS), varies=True,
        components=camera_code.COMPONENTS, units=camera_code.UNITS,
        goes_on=("line", "line", "line", "line", "held", "held"), mirrored=camera_code.mirrored,
        transposed=camera_code.transposed,
    ),
    Code(
        "pose", "where the object in a slot is", "object", "track", len(pose.COMPONENTS), varies=True,
        components=pose.COMPONENTS, units=pose.UNITS, goes_on=("line", "line", "damped", "damped", "damped", "held"),
        mirrored=pose.mirrored, transposed=pose.transposed,
    ),
    Code(
        "motion", "what the frame shows beside where the layers draw it", "scene", "background", "motion_dim",
        varies=True,
    ),
    Code("detail", "what the layers leave over of the frame", "scene", "background", "detail_dim", varies=True),
    Code(
        "deformation", "what differs in the object's picture from that of the clip", "object", "looks",
        "deformation_dim", varies=True,
    ),
)
CODES: dict[str, Code] = {code.name: code for code in _ENTRIES}
"""By name, in the order in which stores and models go through them."""


def time_varying() -> list[Code]:
    return [code for code in CODES.values() if code.varies]


def time_independent() -> list[Code]:
    return [code for code in CODES.values() if not code.varies]
