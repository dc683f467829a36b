"""What decides the shapes of the autoencoder's weights."""

from pydantic import Field

from pipeline.params import Params


class ProposalParams(Params):
    num_slots: int = Field(ge=1, le=32)
    """Most objects a clip can hold."""
    object_px: float = Field(gt=1)
    """Width of a typical object, px: sets the scale at which objects are looked for."""
    patch_dim: int = Field(ge=8, le=128)
    """Side of an object's picture, in samples."""
    canvas_margin: int = Field(ge=0, le=512)
    """How far the background reaches beyond the frame on every side, px: half the way that the camera goes in a clip.
    0: the camera holds still."""


class ArchitectureParams(ProposalParams):
    background_channels: int = Field(ge=1, le=512)
    """Numbers per 8x8 block of the background."""
    appearance_dim: int = Field(ge=1, le=4096)
    """Numbers per object that say what it looks like."""
    hidden_dim: int = Field(ge=1, le=1024)
    """Channels of the convolutions that refine pictures."""
    motion_dim: int = Field(0, ge=0, le=128)
    """Numbers per frame for what shows beside where the layers draw it."""
    detail_dim: int = Field(0, ge=0, le=65536)
    """Numbers per frame for what the layers leave over."""
    deformation_dim: int = Field(0, ge=0, le=4096)
    """Numbers per object and frame for how its picture differs from that of the clip."""
