"""Parameters of stage generate."""

from pydantic import Field

from pipeline.params import Params
from pipeline.predictor.spread import Spread


class GenerateParams(Params):
    """What to forecast."""

    context_frames: int | None = Field(ge=2)
    """Frames given; null: as many as the predictor was trained with."""
    horizon: int | None = Field(ge=1)
    """Frames to predict; null: as many as the predictor was trained for."""
    num_samples: int = Field(ge=1)
    """Futures drawn per clip."""
    spread: Spread
    """branches: the futures of a clip differ only where they part; full: also by how unsure each of them is."""
    carry_pictures: bool
    """Draw the future with the layers as the context shows them, where it does, and mix the last frames, carried on, to
    them; false: as the codes alone describe it."""
    write_spread: bool = True
    """Store how far the samples stray, pixel by pixel."""
    write_occupancy: bool = True
    """Store how probably each object is where, pixel by pixel."""
    num_pictures: int = Field(ge=0)
    """Clips drawn as animations."""
    batch_size: int = Field(ge=1)
    """Clips encoded at once."""
    seed: int = Field(ge=0)
    """A clip's futures depend on this, its name and its context alone."""
