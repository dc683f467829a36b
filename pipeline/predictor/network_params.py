"""What decides the shapes of the predictor's weights."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from pipeline.params import Params

Augmentation = Literal["none", "reverse", "motion"]
"""How training clips are changed at random; what can be learned of walls depends on it."""


class NetworkParams(Params):
    """Size of the network."""

    hidden_dim: int = Field(ge=8, multiple_of=8)
    """Features per object."""
    num_layers: int = Field(ge=1)
    """Rounds of attention across the objects."""
    num_heads: int = Field(ge=1)
    """Attention heads; divides hidden_dim."""

    @model_validator(mode="after")
    def _heads_divide(self) -> "NetworkParams":
        if self.hidden_dim % self.num_heads:
            raise ValueError(f"num_heads {self.num_heads} does not divide hidden_dim {self.hidden_dim}")
        return self


class MixtureParams(NetworkParams):
    """Several trajectories per object, each with its probability: an open future stays open."""

    kind: Literal["mixture"] = "mixture"
    """Tells the kinds apart in a weights file."""
    num_modes: int = Field(ge=2)
    """Trajectories per object."""


class DeterministicParams(NetworkParams):
    """One trajectory per object."""

    kind: Literal["deterministic"] = "deterministic"
    """Tells the kinds apart in a weights file."""

    @property
    def num_modes(self) -> int:
        return 1


ArchitectureParams = Annotated[MixtureParams | DeterministicParams, Field(discriminator="kind")]
